#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Records what real programs send: DNS both ways, TLS and HTTP/1 of clients. Writes NAME.bin files below ../dns, ../stream,
../hello and ../request, and ../SOURCES with a line for each. Wants dnsmasq, unbound, dig, openssl, curl, node and go, and
runs in namespaces of its own:

    unshare --net --mount python3 record.py
"""
import os, re, socket, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.dirname(HERE)
WORK = tempfile.mkdtemp()
SOURCES = []
NAMES = ["--host-record=plain.example.com,93.184.216.34,2606:2800:220:1::1946", "--cname=www.example.com,edge.example.net",
         "--cname=edge.example.net,a.cdn.example.org", "--host-record=a.cdn.example.org,151.101.1.1,2a04:4e42::1",
         "--cname=*.wild.example.com,plain.example.com", "--txt-record=plain.example.com,v=spf1 -all",
         "--host-record=inside.example.com,10.0.0.7", "--address=/nothing.example.com/"]
MANY = [f"--address=/many.example.com/45.33.{i}.{j}" for i in range(2) for j in range(40)]


def keep(kind, name, data, source):
    os.makedirs(f"{OUT}/{kind}", exist_ok=True)
    with open(f"{OUT}/{kind}/{name}.bin", "wb") as f:
        f.write(data)
    SOURCES.append(f"{kind}/{name}.bin\t{source}\n")


def run(*command, stdin=b"", env=None, wait=8):
    try:
        subprocess.run(command, input=stdin, env={**os.environ, **(env or {})}, timeout=wait, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        pass


def version(*command):
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).strip().splitlines()[0][:60]


class Tap:
    """Forwards a TCP port to another one, or to nobody, and keeps what the client sent."""

    def __init__(self, to=None, host="127.0.0.1"):
        self.to, self.sent, self.answered = to, [], []
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.sent.append(b"")
            self.answered.append(b"")
            server = socket.create_connection(("127.0.0.1", self.to)) if self.to else None
            threading.Thread(target=self.pump, args=(client, server, self.sent, len(self.sent) - 1), daemon=True).start()
            if server:
                threading.Thread(target=self.pump, args=(server, client, self.answered, len(self.sent) - 1), daemon=True).start()

    def pump(self, one, other, kept, index):
        if not other:
            one.settimeout(1)
        try:
            while data := one.recv(65536):
                kept[index] += data
                if other:
                    other.sendall(data)
            if other:
                other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if not other:
            one.close()


class Datagrams:
    """Forwards UDP to a resolver, and keeps both ways."""

    def __init__(self, to, address=("127.0.0.1", 0)):
        self.to, self.asked, self.answers = to, [], []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, client = self.socket.recvfrom(65536)
            self.asked.append(data)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(3)
                s.sendto(data, ("127.0.0.1", self.to))
                try:
                    answer = s.recv(65536)
                except OSError:
                    continue
            self.answers.append(answer)
            self.socket.sendto(answer, client)


def resolvers():
    masq = ["dnsmasq", "-k", "--no-resolv", "--no-hosts", "--port=5301", "--listen-address=127.0.0.1", "--bind-interfaces",
            "--user=root", "--pid-file=", "--local-ttl=120", "--edns-packet-max=4096", *NAMES, *MANY]
    with open(f"{WORK}/unbound.conf", "w") as f:
        f.write(f"""server:
  interface: 127.0.0.1@5302
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: {WORK}
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: example.com transparent
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@5301
""")
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [subprocess.Popen(masq, **quiet), subprocess.Popen(["unbound", "-c", f"{WORK}/unbound.conf"], **quiet)]


DIGS = {
    "a": ["plain.example.com", "A"],
    "aaaa-no-edns": ["+noedns", "plain.example.com", "AAAA"],
    "cname-chain": ["www.example.com", "A"],
    "cname-chain-aaaa": ["www.example.com", "AAAA"],
    "wildcard": ["deep.wild.example.com", "A"],
    "mixed-case": ["WwW.eXamPLe.CoM", "A"],
    "txt": ["plain.example.com", "TXT"],
    "https": ["plain.example.com", "TYPE65"],
    "inside": ["inside.example.com", "A"],
    "no-such-name": ["nothing.example.com", "A"],
    "truncated": ["+ignore", "+bufsize=512", "many.example.com", "A"],
    "many": ["+bufsize=4096", "many.example.com", "A"],
    "root": [".", "NS"],
    "dnssec": ["+dnssec", "plain.example.com", "A"],
    "no-cookie": ["+nocookie", "plain.example.com", "A"],
    "subnet": ["+subnet=192.0.2.0/24", "plain.example.com", "A"],
    "padding": ["+padding=128", "plain.example.com", "A"],
}


def dns():
    started = resolvers()
    time.sleep(1.5)
    dig = version("dig", "-v")
    for to, kind, who in ((5301, "dnsmasq", version("dnsmasq", "-v")), (5302, "unbound", "unbound " + version("unbound", "-V"))):
        for name, words in DIGS.items():
            tap = Datagrams(to)
            run("dig", "+tries=1", "+time=2", "@127.0.0.1", "-p", str(tap.port), *words)
            if tap.asked and to == 5301:
                keep("dns", f"query-dig-{name}", tap.asked[0], f"{dig}: {' '.join(words)}")
            if tap.answers:
                keep("dns", f"answer-{kind}-{name}", tap.answers[0], f"{who}: answer to dig {' '.join(words)}")
        tap = Tap(to)
        run("dig", "+tcp", "@127.0.0.1", "-p", str(tap.port), "www.example.com", "A")
        keep("stream", f"query-dig-{kind}", tap.sent[0], f"{dig}: +tcp www.example.com")
        keep("stream", f"answer-{kind}", tap.answered[0], f"{who}: answer to dig +tcp www.example.com")
        tap = Tap(to)
        run("dig", "+tcp", "@127.0.0.1", "-p", str(tap.port), "many.example.com", "A")
        keep("stream", f"answer-{kind}-many", tap.answered[0], f"{who}: answer to dig +tcp many.example.com")
    clients_of_dns()
    for process in started:
        process.terminate()
        process.wait()


def clients_of_dns():
    tap = Datagrams(5302, ("127.0.0.1", 53))
    with open(f"{WORK}/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.1\n")
    run("mount", "--bind", f"{WORK}/resolv.conf", "/etc/resolv.conf")
    clients = {
        "glibc": (["getent", "ahosts", "www.example.com"], version("ldd", "--version")),
        "go": (["go", "run", f"{HERE}/client.go", "dns"], version("go", "version")),
        "node": (["node", "-e", "require('dns').resolve4('www.example.com', console.log)"], "node " + version("node", "-v")),
    }
    for name, (command, who) in clients.items():
        del tap.asked[:]
        run(*command, env={"GODEBUG": "netdns=go"}, wait=60)
        for i, message in enumerate(tap.asked[:2]):
            keep("dns", f"query-{name}-{i}", message, f"{who}: www.example.com")
    tcp = Tap(5302)
    run("umount", "/etc/resolv.conf")
    with open(f"{WORK}/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.1\noptions use-vc\n")
    run("mount", "--bind", f"{WORK}/resolv.conf", "/etc/resolv.conf")
    tcp.listener.close()
    tcp = Tap.__new__(Tap)
    tcp.to, tcp.sent, tcp.answered = 5302, [], []
    tcp.listener = socket.create_server(("127.0.0.1", 53))
    threading.Thread(target=tcp.accept, daemon=True).start()
    run("getent", "ahosts", "www.example.com")
    keep("stream", "query-glibc-two", tcp.sent[0], version("ldd", "--version") + ": A and AAAA of www.example.com in one stream")
    keep("stream", "answer-glibc-two", tcp.answered[0], "unbound " + version("unbound", "-V") + ": both answers")
    run("umount", "/etc/resolv.conf")


def tls():
    openssl, curl = version("openssl", "version"), version("curl", "--version")
    client = ["openssl", "s_client", "-connect"]
    cases = {
        "openssl": ([*client, "127.0.0.1:PORT", "-servername", "www.example.com"], openssl),
        "openssl-no-name": ([*client, "127.0.0.1:PORT", "-noservername"], openssl),
        "openssl-tls12": ([*client, "127.0.0.1:PORT", "-servername", "www.example.com", "-tls1_2"], openssl),
        "openssl-mixed-case": ([*client, "127.0.0.1:PORT", "-servername", "WWW.Example.COM"], openssl),
        "openssl-address": ([*client, "127.0.0.1:PORT", "-servername", "127.0.0.1"], openssl),
        "openssl-odd-name": ([*client, "127.0.0.1:PORT", "-servername", "www.exa mple.com"], openssl),
        "openssl-records": ([*client, "127.0.0.1:PORT", "-servername", "www.example.com", "-max_send_frag", "512", "-alpn",
                             ",".join(f"protocol-number-{i:03}" for i in range(60))], openssl),
        "openssl-long": ([*client, "127.0.0.1:PORT", "-servername", "www.example.com", "-alpn",
                          ",".join(f"protocol-number-{i:03}" for i in range(180))], openssl),
        "curl": (["curl", "-sk", "--connect-to", "::127.0.0.1:PORT", "https://www.example.com/"], curl),
        "node": (["node", "-e", "require('tls').connect({host:'127.0.0.1',port:PORT,servername:'www.example.com',"
                  "rejectUnauthorized:false}).on('error',()=>{})"], "node " + version("node", "-v")),
        "python": (["python3", "-c", "import ssl,socket;ssl._create_unverified_context().wrap_socket("
                    "socket.create_connection(('127.0.0.1',PORT)),server_hostname='www.example.com')"], version("python3", "-V")),
        "go": (["go", "run", f"{HERE}/client.go", "tls", "127.0.0.1:PORT"], version("go", "version") + ", X25519MLKEM768"),
        "go-ech": (["go", "run", f"{HERE}/client.go", "ech", "127.0.0.1:PORT"],
                   version("go", "version") + ", ECH: secret.example.com inside of public.example.com"),
    }
    for name, (command, who) in cases.items():
        tap = Tap()
        words = [word.replace("PORT", str(tap.port)) for word in command]
        run(*words, wait=60)
        time.sleep(0.2)
        if tap.sent and tap.sent[0]:
            shown = "" if command[0] in ("go", "node", "python3") else ": " + re.sub(r"(protocol-number-\d+,){9,}", "...,", " ".join(command))
            keep("hello", name, tap.sent[0], who + shown)
    connections(openssl)


def connections(openssl):
    """Whole client sides of connections: what comes after a hello."""
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{WORK}/key.pem", "-out", f"{WORK}/cert.pem", "-subj", "/CN=x")
    server = ["openssl", "s_server", "-key", f"{WORK}/key.pem", "-cert", f"{WORK}/cert.pem", "-accept"]
    cases = {
        "retry": (["-groups", "P-384"], ["-groups", "X25519:P-384"], 1),
        "tls12": (["-tls1_2"], [], 1),
        "tls12-resumed": (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"], [], 2),
        "tls13-resumed": ([], [], 2),
        "early": (["-early_data", "-max_early_data", "16384"], ["EARLY"], 2),
        "early-retry": (["-early_data", "-max_early_data", "16384", "-groups", "P-384"], ["EARLY", "-groups", "X25519:P-384"], 2),
    }
    with open(f"{WORK}/early", "w") as f:
        f.write("early data\n" * 5)
    for index, (name, (serve, words, times)) in enumerate(cases.items()):
        port = 5400 + index
        process = subprocess.Popen([*server, str(port), *serve], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.7)
        tap = Tap(port)
        for i in range(times):
            early = ["-early_data", f"{WORK}/early"] if "EARLY" in words and i else []
            session = ["-sess_out" if i == 0 else "-sess_in", f"{WORK}/session"] if times > 1 else []
            with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{tap.port}", "-servername", "www.example.com",
                                   *[w for w in words if w != "EARLY"], *early, *session], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
                time.sleep(1)
                client.stdin.write(b"hello there\n")
                client.stdin.flush()
                time.sleep(0.5)
                client.stdin.close()
                client.wait(5)
        process.kill()
        process.wait()
        keep("hello", f"connection-{name}", tap.sent[-1], f"{openssl}: s_server {' '.join(serve)}, s_client {' '.join(words)}, client of connection {times}")


def http():
    curl = version("curl", "--version")
    server = subprocess.Popen(["node", f"{HERE}/server.js", "5500"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    to = ["--connect-to", "::127.0.0.1:PORT"]
    cases = {
        "curl": (["curl", "-s", *to, "http://www.example.com/path?x=1"], curl),
        "curl-port": (["curl", "-s", "http://127.0.0.1:PORT/"], curl),
        "curl-six": (["curl", "-s", *to, "http://[2001:db8::7]:8080/"], curl),
        "curl-old": (["curl", "-s", "--http1.0", *to, "http://www.example.com/"], curl),
        "curl-no-host": (["curl", "-s", "-H", "Host:", *to, "http://www.example.com/"], curl),
        "curl-two": (["curl", "-s", *to, "http://www.example.com/one", "http://www.example.com/two"], curl),
        "curl-post": (["curl", "-s", *to, "-d", "a=b&c=d", "http://www.example.com/one", "http://www.example.com/two"], curl),
        "curl-chunked": (["curl", "-s", *to, "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{WORK}/body",
                          "http://www.example.com/one", "http://www.example.com/two"], curl),
        "curl-proxy": (["curl", "-s", "-x", "http://127.0.0.1:PORT", "http://www.example.com:8080/path"], curl),
        "curl-connect": (["curl", "-s", "-x", "http://127.0.0.1:PORT", "https://www.example.com/"], curl),
        "curl-upgrade": (["curl", "-s", "--http2", *to, "http://www.example.com/"], curl),
        "curl-preface": (["curl", "-s", "--http2-prior-knowledge", *to, "http://www.example.com/"], curl),
        "openssl": (["openssl", "s_client", "-connect", "127.0.0.1:PORT"], version("openssl", "version")),
        "python": (["python3", "-c", "import urllib.request as u;u.urlopen(u.Request('http://127.0.0.1:PORT/',headers={'Host':'www.example.com'}))"],
                   version("python3", "-V")),
        "node": (["node", "-e", "fetch('http://127.0.0.1:PORT/',{method:'POST',body:'hello'}).then(()=>process.exit())"],
                 "node " + version("node", "-v")),
        "go": (["go", "run", f"{HERE}/client.go", "http", "127.0.0.1:PORT"], version("go", "version") + ", two requests, the first with a body of unknown size"),
    }
    with open(f"{WORK}/body", "w") as f:
        f.write("a body\n" * 300)
    for name, (command, who) in cases.items():
        tap = Tap(5500)
        run(*[word.replace("PORT", str(tap.port)) for word in command], wait=60)
        time.sleep(0.2)
        if tap.sent:
            shown = ": " + " ".join(command).replace(WORK, "DIR") if command[0] == "curl" else ""
            keep("request", name, tap.sent[0], who + shown)
    server.kill()


def main():
    run("ip", "link", "set", "lo", "up")
    for part in sys.argv[1:] or ["dns", "tls", "http"]:
        {"dns": dns, "tls": tls, "http": http}[part]()
    path = f"{OUT}/SOURCES"
    old = {}
    if os.path.exists(path):
        old = {line.split("\t")[0]: line for line in open(path)}
    old.update({line.split("\t")[0]: line for line in SOURCES})
    with open(path, "w") as f:
        f.writelines(old[key] for key in sorted(old))


main()
