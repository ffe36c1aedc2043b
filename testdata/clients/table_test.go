// SPDX-License-Identifier: Apache-2.0

package clients

// The clients: what each is told to get the same thing from a host, $H, into an empty folder.

// client is one row.
type client struct {
	name    string
	command string
	// It is sent everywhere, not only where a question would lead: one of each library that connects, for its errors.
	everywhere bool
	plain      bool // neither TLS nor HTTP: whatever name led to the address, nothing tells it from another of that address
}

// table is of what people work with. Waits and retries are the programs' own, unless a comment says why not.
var table = []client{
	{name: "curl", command: `curl -sS --http1.1 https://$H/hello`, everywhere: true},
	{name: "curl-h2", command: `curl -sS --http2 -o page -w '%{http_version}\n' https://$H/hello && cat page`},
	{name: "curl-v6", command: `curl -sS -6 https://$H/hello`},
	{name: "curl-http", command: `curl -sS http://$H/hello`, everywhere: true},
	// EPERM from connect(2) is no reason for it to give up before its twentieth try.
	{name: "wget", command: `wget -nv --tries=2 -O - https://$H/hello`, everywhere: true},
	{name: "python-urllib", command: `python3 -c 'import os, urllib.request; print(urllib.request.urlopen("https://%s/hello" % os.environ["H"]).read().decode())'`, everywhere: true},
	{name: "python-asyncio", command: `python3 -c '
import asyncio, os
async def main():
    r, w = await asyncio.open_connection(os.environ["H"], 443, ssl=True)
    w.write(b"GET /hello HTTP/1.0\r\nHost: %s\r\n\r\n" % os.environb[b"H"])
    print((await r.read()).decode())
asyncio.run(main())'`},
	{name: "python-requests", command: `python3 -c 'import os, requests; print(requests.get("https://%s/hello" % os.environ["H"]).text)'`},
	{name: "go", command: programs + `/fetch https://$H/hello`, everywhere: true},
	{name: "go-mod", command: `printf 'module example.test/work\n\ngo 1.24\n\nrequire example.test/greet v1.0.0\n' > go.mod
		GOMODCACHE=$PWD/cache GOPROXY=https://$H/go GOSUMDB=off go mod download && cat cache/example.test/greet@v1.0.0/greet.go`},
	{name: "node-https", command: `node -e '
const fail = e => { console.error(e.message); process.exit(1) }
require("https").get("https://" + process.env.H + "/hello", r => r.on("data", d => process.stdout.write(d))).on("error", fail)'`, everywhere: true},
	{name: "node-fetch", command: `node -e '
const fail = e => { console.error(e.message, e.cause); process.exit(1) }
fetch("https://" + process.env.H + "/hello").then(r => r.text()).then(console.log).catch(fail)'`},
	// Its own resolver, c-ares, in the place of the library's.
	{name: "node-c-ares", command: `node -e '
const fail = e => { console.error(e.message); process.exit(1) }, H = process.env.H
require("dns").resolve4(H, (e, a) => e ? fail(e) :
	require("https").get({host: a[0], servername: H, headers: {Host: H}, path: "/hello"}, r => r.on("data", d => process.stdout.write(d))).on("error", fail))'`},
	{name: "java", command: `java -cp ` + programs + ` Fetch https://$H/hello 1 0`},
	{name: "perl", command: `perl -MHTTP::Tiny -e '$r = HTTP::Tiny->new(verify_SSL => 1)->get("https://$ENV{H}/hello"); print $r->{content}; exit !$r->{success}'`, everywhere: true},
	{name: "openssl", command: `printf 'GET /hello HTTP/1.0\r\nHost: %s\r\n\r\n' $H | openssl s_client -quiet -verify_return_error -connect $H:443`},
	{name: "git-https", command: `git clone -q https://$H/git/project.git . && cat README`, everywhere: true},
	{name: "git-ssh", command: `git clone -q alice@$H:/srv/git/project.git . && cat README`, plain: true},
	{name: "ssh", command: `ssh alice@$H cat /srv/www/hello`, plain: true, everywhere: true},
	{name: "scp", command: `scp -q alice@$H:/srv/www/hello . && cat hello`, plain: true},
	{name: "rsync", command: `rsync alice@$H:/srv/www/hello . && cat hello`, plain: true},
	{name: "nc", command: `nc -N $H 7 < /dev/null`, plain: true},
	{name: "socat", command: `socat STDIO TCP:$H:7 < /dev/null`, plain: true},
	// Its pauses between five tries are longer than everything else here together.
	{name: "pip", command: `pip download -q --retries 1 --disable-pip-version-check --no-deps --no-cache-dir -i https://$H/simple greet && python3 -m zipfile -e *.whl . && cat greet.py`},
	// As above: ten seconds, then a minute.
	{name: "npm", command: `npm install --no-audit --no-fund --no-update-notifier --fetch-retries 0 --registry https://$H/npm/ greet && cat node_modules/greet/package.json`},
	{name: "apt", command: `mkdir -p lists/partial archives/partial && echo "deb [trusted=yes] http://$H/deb ./" > sources &&
		o="-o Dir::State::Lists=$PWD/lists -o Dir::Cache=$PWD -o Dir::Etc::SourceList=$PWD/sources -o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none" &&
		apt-get $o -qq -e any update && apt-cache $o show greet`},
}

// try runs a client against hosts, each time in an empty folder, and tells what came of it behind a line that begins with @@:
// client, host, code, milliseconds. Every program that it starts costs an emulated processor half a second, so it starts few.
const try = `#!/bin/bash
. ` + programs + `/environment
client=$1 command=$(<` + programs + `/$1.sh)
shift
for H; do
	export H
	folder=/tmp/try-$USER-$$-$((++n))
	mkdir $folder && cd $folder || exit
	begun=$EPOCHREALTIME
	timeout -k 1 60 bash -c "$command" > $folder.said 2>&1 < /dev/null
	code=$?
	ended=$EPOCHREALTIME
	read -r -N 3000 -d "" said < $folder.said
	printf '@@ %s %s %d %d\n%s\n' "$client" "$H" $code $(( (${ended/.} - ${begun/.}) / 1000 )) "$said"
done
`

// environment is what the machine's people have in their profiles.
func environment(goroot, agent string) string {
	return "export NODE_EXTRA_CA_CERTS=" + ownAuthority + " SSH_AUTH_SOCK=" + agent + " PATH=$PATH:" + goroot + "/bin\n" +
		"export GOTOOLCHAIN=local GOFLAGS=-modcacherw GOENV=off\n" +
		"export GOPATH=/tmp/go-$USER GOCACHE=/tmp/go-$USER/build\n"
}
