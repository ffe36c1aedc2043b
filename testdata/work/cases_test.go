// SPDX-License-Identifier: Apache-2.0

package work

// The work. Each command begins in an empty folder of its own and finds what it works on in ~/fixture.

// work is one piece of it.
type work struct {
	name    string
	command string
	keeps   []string // folders in which the tool keeps times
	leaves  []string // names that hold times or process ids in their content
	adopted bool     // the session is one of a shell that was there before, else of `reeve run`
}

var all = []work{
	{name: "cp", command: `cp -a ~/fixture/tree copy && cp -al copy links && diff -r --no-dereference -x fifo copy links`, keeps: []string{"copy", "links"}},
	{name: "cp-in-an-adopted-shell", command: `cp -a ~/fixture/tree copy && mv copy moved && rm -r moved/docs`, keeps: []string{"moved/src"}, adopted: true},
	{name: "tar", command: `cp -a ~/fixture/tree tree && tar cf all.tar tree && mv tree before && tar xpf all.tar && mkdir out &&
		tar czf all.tgz -C tree . && tar xzpf all.tgz -C out && diff -r --no-dereference -x fifo before out && tar df all.tar`,
		keeps: []string{"tree", "out", "before"}, leaves: []string{"all.tgz"}},
	{name: "rsync", command: `cp -a ~/fixture/tree from && rsync -a from/ to/ &&
		rm -r from/docs && mv from/src/p3 from/src/moved && for f in from/src/p1/*; do echo changed >> "$f"; done && chmod 600 from/src/p2/* && echo new > from/new &&
		find from -exec touch -h -d @1700000000 {} + && rsync -a --delete from/ to/ && rsync -ain --delete from/ to/ && rsync -aH --inplace --append-verify from/ again/`,
		keeps: []string{"from", "to", "again"}},
	{name: "git", command: `git clone -q ~/fixture/large.git tree && cd tree && git checkout -q moved && git status --short && git checkout -q main &&
		git checkout -q moved && git status --short && git log --format=%s && git -c user.name=A -c user.email=a@example.org merge -q main && git gc -q && git fsck --no-progress`,
		leaves: []string{".git/index", ".git/logs", ".git/objects", ".git/ORIG_HEAD", ".git/gc.log", ".git/hooks"}},
	{name: "npm", command: `cp ~/fixture/npm/* . && npm install --offline --no-audit --no-fund --loglevel=error ./left-1.0.0.tgz ./right-1.0.0.tgz > /dev/null &&
		cat node_modules/left/package.json && npm install --offline --no-audit --no-fund --loglevel=error ./left-2.0.0.tgz > /dev/null &&
		cat node_modules/left/package.json && node_modules/.bin/left`},
	{name: "go", command: `cp -a ~/fixture/module . && cd module && go build -trimpath -buildvcs=false -o ../program . && ../program && sed -i 's/"v%d"/"w%d"/' p1/p.go &&
		go build -trimpath -buildvcs=false -o ../program . && ../program`},
}
