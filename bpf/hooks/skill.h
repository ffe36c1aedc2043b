/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Skills: a folder with a SKILL.md, which tells an agent what to do, and programs beside it. Reading SKILL.md is the load: whoever
 * in a session opens one for reading is asked about, by the file itself, as long as that is the one that user space looked at. Any
 * other is a skill that nobody knows.
 *
 * A program that lies in a declared skill's folder, or a script there that an interpreter is given, runs as that skill, with all
 * that it starts. This is never known by content, so it only restricts: what a text makes the agent do itself is the agent's.
 */
#pragma once

#include "connector.h"
#include "script.h"

/* SKILL.md in one word, and what any spelling of it is in small letters. */
#define SKILL_FILE 0x646d2e4c4c494b53ull
#define SKILL_FILE_SMALL 0x646d2e6c6c696b73ull
#define SMALL_LETTERS 0x2020202020202020ull

/* Every open of every session asks this; the length decides for nearly all. */
static __always_inline bool skill_named(struct dentry *dentry)
{
	u64 word;

	if (dentry->d_name.len != sizeof(word) || bpf_probe_read_kernel(&word, sizeof(word), dentry->d_name.name))
		return false;
	if (word == SKILL_FILE)
		return true;
	return (word | SMALL_LETTERS) == SKILL_FILE_SMALL && (dentry->d_flags & DCACHE_OP_COMPARE);
}

/* Who writes may go on writing what was approved, by a map of it that no change of the file tells of. */
static __always_inline bool skill_own(const struct task_state *state, struct inode *inode)
{
	struct session *session = session_of(state);
	struct written_by *by = written_find(inode);

	return by && session && by->session == session->id;
}

/* What user space knows of the skill. Of what it looked at and is another by now, that somebody took it back. */
static __always_inline struct start skill_find(const struct task_state *state, struct inode *inode)
{
	struct skill_key key = { .inode = inode->i_ino, .device = inode->i_sb->s_dev };
	struct start file = { .inode = key.inode, .device = key.device };
	struct start *known = bpf_map_lookup_elem(&skills, &key);
	struct start nobody = {};

	if (!known)
		return nobody;
	file.size = BPF_CORE_READ(inode, i_size);
	file_changed(&file, inode);
	if (start_pinned(known, &file) && !skill_own(state, inode))
		return *known;
	nobody.flags = known->flags & START_REVOKED;
	return nobody;
}

/* The path goes to where a record of what has a bare name has its text. */
static __always_inline void skill_tell(struct buffer *buffer)
{
	bpf_probe_read_kernel(buffer->text, COMMAND_PATH, buffer->text + (buffer->name.offset & (TEXT_MAX - 1)));
}

/* verifier: a frame of its own, beside that of the open's judgement. */
static __noinline int skill_load(struct task_state *state, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct start known = skill_find(state, inode);
	struct question q = { .op = OP_SKILL_LOAD, .wanted = known.principal, .flags = known.flags };
	struct buffer *buffer;
	int error;

	if ((inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, OP_SKILL_LOAD);
	source_of(&buffer->source, file->f_path.dentry, inode);
	name_of(buffer);
	skill_tell(buffer);
	buffer->question = q;
	error = judge_name(state, buffer);
	buffer_give(buffer);
	return error;
}

/* A file was opened, or received, and nothing on files refuses that. What is emptied has no text to load. */
static __always_inline int skill_open(struct task_state *state, struct file *file)
{
	if (!(file->f_mode & FMODE_READ) || (file->f_flags & O_TRUNC) || !skill_named(file->f_path.dentry))
		return 0;
	return skill_load(state, file);
}

/*
 * One more byte of a path: where a component ends, the folder so far may be a skill's. Of several the innermost counts. bound:
 * SKILL_FOLDER bytes; what is longer is no skill's folder.
 */
static long skill_byte(u32 index, struct buffer **context)
{
	struct skill_look *look = &(*context)->skill;
	u8 byte = (*context)->text[(look->from + index) & (TEXT_MAX - 1)];
	u32 length = look->folder.length;
	u32 *found;

	if (!byte || length >= SKILL_FOLDER)
		return 1;
	if (byte == '/' && length) {
		found = bpf_map_lookup_elem(&skill_folders, &look->folder);
		if (found)
			look->number = *found;
	}
	look->folder.text[length & (SKILL_FOLDER - 1)] = byte;
	look->folder.length = length + 1;
	return 0;
}

/* Whether there is any. The entry without a text says so, so that sessions pay one look-up where nothing is declared. */
static __always_inline bool skill_begin_look(struct skill_look *look)
{
	__builtin_memset(look, 0, sizeof(*look));
	return bpf_map_lookup_elem(&skill_folders, &look->folder);
}

static __always_inline void skill_walk(struct buffer *buffer, u32 from)
{
	buffer->skill.from = from;
	bpf_loop(SKILL_FOLDER, skill_byte, &buffer, 0);
}

/* The declared skill in whose folder the file in the buffer lies, by its number; 0 for none. */
static __noinline u32 skill_of(struct buffer *buffer)
{
	if (buffer->name.view != VIEW_HOST || !skill_begin_look(&buffer->skill))
		return 0;
	skill_walk(buffer, buffer->name.offset);
	return buffer->skill.number;
}

/* A program that runs scripts, by the name of its file: whatever follows that is no letter, as a version. */
struct interpreter {
	u8 name[8];
	u32 length;
	u32 code; /* the option behind which there is no script, but the code itself */
};

static const struct interpreter interpreters[] = {
	{ "sh", 2, 'c' },     { "bash", 4, 'c' }, { "dash", 4, 'c' },	{ "ash", 3, 'c' },  { "zsh", 3, 'c' },
	{ "ksh", 3, 'c' },    { "fish", 4, 'c' }, { "python", 6, 'c' }, { "pypy", 4, 'c' }, { "node", 4, 'e' },
	{ "nodejs", 6, 'e' }, { "bun", 3, 'e' },  { "ruby", 4, 'e' },	{ "perl", 4, 'e' }, { "lua", 3, 'e' },
	{ "php", 3, 'r' },    { "tsx", 3, 'e' },
};

#define INTERPRETERS (sizeof(interpreters) / sizeof(interpreters[0]))

static __always_inline bool is_letter(u8 byte)
{
	return byte >= 'a' && byte <= 'z';
}

/* The option with code of the interpreter that is executed; 0 where it is none. */
static __noinline u32 skill_interprets(const struct exec_state *exec)
{
	u64 word = *(const u64 *)exec->text;

	for (u32 i = 0; i < INTERPRETERS; i++) {
		u32 length = interpreters[i].length & 7;

		if ((word ^ *(const u64 *)interpreters[i].name) & (~0ull >> (64 - 8 * length)) || exec->name < length)
			continue;
		if (exec->name == length || !is_letter(exec->text[length]))
			return interpreters[i].code;
	}
	return 0;
}

/* As script_byte, and an option with code ends it. verifier: as line_byte. */
static long skill_argument_byte(u32 index, struct buffer **context)
{
	struct buffer *buffer = *context;
	struct progress *progress = &buffer->progress;
	struct skill_look *look = &buffer->skill;
	u8 byte;

	if (index >= progress->size || !progress->left)
		return 1;
	byte = buffer->text[index & (TEXT_MAX - 1)];
	if (progress->judged && byte != '-') {
		progress->length = index;
		return 1;
	}
	if (look->option && byte == look->code)
		return 1;
	look->option = (progress->judged || look->option) && byte && !(look->dash && byte == '-');
	look->dash = progress->judged;
	progress->judged = !byte;
	if (!byte)
		progress->left--;
	return 0;
}

/* Where the script that an interpreter is given begins in the new stack; 0 where it is given none. */
static __always_inline u64 skill_argument(struct buffer *buffer, struct linux_binprm *bprm, u64 start, u32 code)
{
	struct progress *progress = &buffer->progress;
	u64 end = BPF_CORE_READ(bprm, exec);
	u64 size = start < end ? BOUNDED(end - start, TEXT_MAX) : 0;

	if (!size || user_read(buffer->text, size, start))
		return 0;
	progress->size = size;
	progress->left = bprm->argc;
	progress->judged = 0;
	progress->length = 0;
	buffer->skill.code = code;
	bpf_loop(TEXT_MAX, skill_argument_byte, &buffer, 0);
	return progress->length ? start + progress->length : 0;
}

/*
 * The declared skill whose script an interpreter is given; 0 for none. The path is taken as it is written, behind the folder that it
 * counts from: see script.h for what that leaves out.
 */
static __noinline u32 skill_script(struct linux_binprm *bprm, const struct exec_state *exec, u64 start)
{
	u32 code = skill_interprets(exec);
	struct buffer *buffer = code ? buffer_take() : NULL;
	u32 number = 0;
	u64 address;

	if (!buffer)
		return 0;
	address = skill_begin_look(&buffer->skill) ? skill_argument(buffer, bprm, start, code) : 0;
	if (address)
		address += script_folder(buffer);
	if (address && script_rest(buffer, address)) {
		if (buffer->name.length > 1)
			skill_walk(buffer, buffer->name.offset);
		skill_walk(buffer, 0);
		number = buffer->skill.number;
	}
	buffer_give(buffer);
	return number;
}

/* What the agent executes may be a skill's. Who is somebody else already stays that. */
static __noinline void skill_begin(struct linux_binprm *bprm, struct task_state *state, const struct exec_state *exec,
				   u64 start)
{
	u32 number = exec->skill;

	if (state->principal != PRINCIPAL_AGENT)
		return;
	if (!number)
		number = skill_script(bprm, exec, start);
	if (number >= PRINCIPAL_FIRST)
		state->principal = number | PRINCIPAL_UNPINNED;
}
