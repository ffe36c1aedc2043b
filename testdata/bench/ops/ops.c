// SPDX-License-Identifier: Apache-2.0
/*
 * The operations that are measured, one process, no library: a library's start-up and allocator would be in every count.
 *
 *   /PATH/ops FILE TREE
 *                   reads a letter, does one round of that operation, answers with one line of JSON, until its input ends
 *   ops - exit      ends at once: what the exec round starts
 *
 * Under an instruction-counting clock a nanosecond is an instruction.
 */

typedef unsigned long ulong;

enum {
	SYS_READ, SYS_WRITE, SYS_OPEN, SYS_CLOSE, SYS_MMAP = 9, SYS_MPROTECT, SYS_MUNMAP, SYS_SOCKET = 41, SYS_CONNECT,
	SYS_SENDTO = 44, SYS_SETSOCKOPT = 54, SYS_VFORK = 58, SYS_EXECVE,
	SYS_EXIT, SYS_WAIT4, SYS_RENAME = 82, SYS_UNLINK = 87, SYS_GETDENTS = 217, SYS_CLOCK = 228, SYS_STAT = 262,
	NOFOLLOW = 0x100, /* AT_SYMLINK_NOFOLLOW */
	READ_ONLY = 02000000, /* O_RDONLY | O_CLOEXEC */
	CREATE = 02000301, /* O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC */
	PROT_R = 1, PROT_RX = 5, PRIVATE = 2, PAGE = 4096,
	INET = 2, STREAM = 1, DATAGRAM = 2, SOCKET = 1, LINGER = 13,
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long answer;

	asm volatile("syscall"
		     : "=a"(answer)
		     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return answer;
}

static void __attribute__((noreturn)) end(long code)
{
	for (;;)
		call(SYS_EXIT, code, 0, 0, 0, 0, 0);
}

/* Ends the process with a code of its own where an operation does not do what it should. */
static long must(long answer, long code)
{
	if (answer < 0)
		end(code);
	return answer;
}

static ulong now(void)
{
	ulong time[2];

	must(call(SYS_CLOCK, 1, (long)time, 0, 0, 0, 0), 10);
	return time[0] * 1000000000 + time[1];
}

static const char *self;
static const char *file;
static const char *tree;

static long file_open(void)
{
	return must(call(SYS_OPEN, (long)file, READ_ONLY, 0, 0, 0, 0), 11);
}

static void file_close(long fd)
{
	must(call(SYS_CLOSE, fd, 0, 0, 0, 0, 0), 12);
}

/* A file that is opened again and again. */
static void do_again(long n)
{
	while (n--)
		file_close(file_open());
}

static char numbered[512];

/* A name, a sign and four digits. */
static const char *number(const char *from, char sign, long n)
{
	char *at = numbered;

	while (*from)
		*at++ = *from++;
	*at++ = sign;
	for (long unit = 1000; unit; unit /= 10)
		*at++ = '0' + n / unit % 10;
	*at = 0;
	return numbered;
}

/* The n-th of the files that lie beside it. */
static const char *file_number(long n)
{
	return number(file, '-', n);
}

/* struct linux_dirent64 */
struct entry {
	ulong inode, offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static long stat_all(long fd, char *entries, long size)
{
	char stat[256];
	long files = 0;

	for (long at = 0; at < size; at += ((struct entry *)(entries + at))->length, files++)
		must(call(SYS_STAT, fd, (long)((struct entry *)(entries + at))->name, (long)stat, NOFOLLOW, 0, 0), 29);
	return files;
}

/* As find(1) and git status do: each folder is read, and all that it lists looked at, until it was n files. */
static void do_find(long n)
{
	char entries[32768] __attribute__((aligned(8)));

	for (long folder = 0; n > 0; folder++) {
		long fd = must(call(SYS_OPEN, (long)number(tree, '/', folder), READ_ONLY, 0, 0, 0, 0), 30);
		long size;

		while ((size = must(call(SYS_GETDENTS, fd, (long)entries, sizeof(entries), 0, 0, 0), 31)))
			n -= stat_all(fd, entries, size);
		file_close(fd);
	}
}

/* Files that were not opened before in this round. */
static void do_open(long n)
{
	while (n--)
		file_close(must(call(SYS_OPEN, (long)file_number(n), READ_ONLY, 0, 0, 0, 0), 24));
}

/* There and back: two calls. */
static void do_rename(long n)
{
	file_number(9999);
	while (n--) {
		must(call(SYS_RENAME, (long)file, (long)numbered, 0, 0, 0, 0), 25);
		must(call(SYS_RENAME, (long)numbered, (long)file, 0, 0, 0, 0), 26);
	}
}

/* Made, closed and taken away. */
static void do_unlink(long n)
{
	file_number(9999);
	while (n--) {
		file_close(must(call(SYS_OPEN, (long)numbered, CREATE, 0600, 0, 0, 0), 27));
		must(call(SYS_UNLINK, (long)numbered, 0, 0, 0, 0, 0), 28);
	}
}

/*
 * As posix_spawn does: the child borrows the memory until its exec. In one piece of assembly, for the child must not
 * write to the stack that the parent will return on.
 */
static void do_exec(long n)
{
	static const char *const argv[] = { "ops", "-", "exit", 0 };
	static const char *const envp[] = { 0 };
	int status;

	while (n--) {
		long child;

		asm volatile("syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\t"
			     "mov %5, %%eax\n\tsyscall\n\tmov $13, %%edi\n\tmov %6, %%eax\n\tsyscall\n1:"
			     : "=a"(child)
			     : "0"((long)SYS_VFORK), "D"(self), "S"(argv), "d"(envp), "i"(SYS_EXECVE), "i"(SYS_EXIT)
			     : "rcx", "r11", "memory");
		must(child, 14);
		must(call(SYS_WAIT4, child, (long)&status, 0, 0, 0, 0), 15);
		if (status)
			end(16);
	}
}

static void do_map(long n)
{
	long fd = file_open();

	while (n--) {
		long at = call(SYS_MMAP, 0, PAGE, PROT_RX, PRIVATE, fd, 0);

		if (at < 0 && at > -PAGE)
			end(17);
		must(call(SYS_MUNMAP, at, PAGE, 0, 0, 0, 0), 18);
	}
	file_close(fd);
}

/* Executable and back: two calls, of which the first is judged. */
static void do_protect(long n)
{
	long fd = file_open();
	long at = call(SYS_MMAP, 0, PAGE, PROT_R, PRIVATE, fd, 0);

	if (at < 0 && at > -PAGE)
		end(19);
	while (n--) {
		must(call(SYS_MPROTECT, at, PAGE, PROT_RX, 0, 0, 0), 20);
		must(call(SYS_MPROTECT, at, PAGE, PROT_R, 0, 0, 0), 21);
	}
	must(call(SYS_MUNMAP, at, PAGE, 0, 0, 0, 0), 22);
	file_close(fd);
}

/*
 * struct sockaddr_in: an address of this machine's that is not loopback's. Who listens at the first port accepts later; who has the
 * second reads nothing.
 */
static const struct address {
	unsigned short family;
	unsigned char port[2], number[4], zero[8];
} server = { INET, { 0, 9 }, { 198, 18, 0, 1 }, {} }, deaf = { INET, { 0, 7 }, { 198, 18, 0, 1 }, {} };

/* struct linger: closing resets, so that no connection waits for its end, and makes the next one dearer. */
static const int at_once[2] = { 1, 0 };

static void do_connect(long n)
{
	while (n--) {
		long fd = must(call(SYS_SOCKET, INET, STREAM, 0, 0, 0, 0), 32);

		must(call(SYS_SETSOCKOPT, fd, SOCKET, LINGER, (long)at_once, sizeof(at_once), 0), 33);
		must(call(SYS_CONNECT, fd, (long)&server, sizeof(server), 0, 0, 0), 36);
		file_close(fd);
	}
}

/* One packet after the other, to the same place. */
static void do_datagram(long n)
{
	long fd = must(call(SYS_SOCKET, INET, DATAGRAM, 0, 0, 0, 0), 34);

	while (n--)
		must(call(SYS_SENDTO, fd, (long)numbered, 64, 0, (long)&deaf, sizeof(deaf)), 35);
	file_close(fd);
}

static const struct op {
	char letter;
	const char *name;
	long count;
	void (*round)(long);
} ops[] = {
	{ 'o', "open", 1500, do_open },
	{ 'a', "again", 1500, do_again },
	{ 'r', "rename", 300, do_rename },
	{ 'u', "unlink", 300, do_unlink },
	{ 'e', "exec", 40, do_exec },
	{ 'm', "mmap", 6000, do_map },
	{ 'p', "mprotect", 1500, do_protect },
	{ 'c', "connect", 1200, do_connect },
	{ 'd', "datagram", 1500, do_datagram },
	{ 'f', "find", 100000, do_find },
};

static char *put(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	return at;
}

static char *put_number(char *at, ulong n)
{
	char digits[24];
	int i = 0;

	do
		digits[i++] = '0' + n % 10;
	while (n /= 10);
	while (i)
		*at++ = digits[--i];
	return at;
}

static void run(const struct op *op)
{
	char line[128], *at = line;
	ulong begin, took;

	begin = now();
	op->round(op->count);
	took = now() - begin;
	at = put(put(put(at, "{\"op\":\""), op->name), "\",\"count\":");
	at = put(put_number(at, op->count), ",\"ns\":");
	at = put(put_number(at, took), "}\n");
	must(call(SYS_WRITE, 1, (long)line, at - line, 0, 0, 0), 23);
}

static void __attribute__((used, noreturn)) begin(long *stack)
{
	char letter;

	if (*(const char *)stack[2] == '-')
		end(0); /* before anything is written, which would be a page of memory for each exec */
	self = (const char *)stack[1];
	file = (const char *)stack[2];
	tree = (const char *)stack[3];
	while (call(SYS_READ, 0, (long)&letter, 1, 0, 0, 0) == 1)
		for (ulong i = 0; i < sizeof(ops) / sizeof(*ops); i++)
			if (ops[i].letter == letter)
				run(&ops[i]);
	end(0);
}

asm(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
