// SPDX-License-Identifier: Apache-2.0

package evade

// Who would do the agent's work for it outside of its session: the real servers, each willing to do alice's bidding.

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// delegatesLayer is the folder of the cache with servers that the machine's root may not have.
func delegatesLayer(cache string) string { return filepath.Join(cache, "agents", "delegates") }

// servers starts them as their packages would, whose units the layer has, and which are not to start by themselves. Nothing asks alice
// for a password that she has not in this very file, as on a workstation where she has just given it; and her services stay when
// a login of hers ends, as they do while she has a desktop.
const servers = `set -ex
	getent group crontab > /dev/null || groupadd -r crontab
	getent group docker > /dev/null || groupadd -r docker
	getent passwd sshd > /dev/null || useradd -r -d /run/sshd -s /usr/sbin/nologin sshd
	getent passwd polkitd > /dev/null || useradd -r -d /nonexistent -s /usr/sbin/nologin polkitd
	usermod -aG docker alice
	loginctl enable-linger alice
	echo alice:secret | chpasswd
	chgrp crontab /usr/bin/crontab; chmod 2755 /usr/bin/crontab; chmod 4755 /usr/bin/pkexec
	install -d -m 1730 -g crontab /var/spool/cron/crontabs
	install -d -m 1770 -o daemon -g daemon /var/spool/cron/atjobs /var/spool/cron/atspool
	test -e /var/spool/cron/atjobs/.SEQ || install -m 600 -o daemon -g daemon /dev/null /var/spool/cron/atjobs/.SEQ
	install -d -m 1777 /run/screen
	echo 'alice ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/alice
	mkdir -p /etc/polkit-1/rules.d
	echo 'polkit.addRule(function(action, subject) { if (subject.user == "alice") return "yes"; });' > /etc/polkit-1/rules.d/10-alice.rules
	chmod 755 /etc/polkit-1/rules.d; chmod 644 /etc/polkit-1/rules.d/10-alice.rules
	systemd-run --quiet --unit=hers-cron /usr/sbin/cron -f
	systemd-run --quiet --unit=hers-atd /usr/sbin/atd -f
	ssh-keygen -q -t ed25519 -N '' -f /run/host_key
	mkdir -p -m 755 /run/sshd
	systemd-run --quiet --unit=hers-sshd /usr/sbin/sshd -D -f /dev/null -h /run/host_key -o UsePAM=no -o StrictModes=no
	systemd-run --quiet --unit=hers-docker /usr/sbin/dockerd --bridge=none --iptables=false --ip6tables=false --storage-driver=vfs --group alice \
		-H unix:///run/docker.sock
	ip address add ${elsewhere%:*}/32 dev lo
	mkdir /srv/elsewhere && echo $heard > /srv/elsewhere/said
	systemd-run --quiet --unit=elsewhere /usr/bin/python3 -m http.server -b ${elsewhere%:*} -d /srv/elsewhere ${elsewhere#*:}`

// hers is what alice has by her own doing: a key to this machine, a service on her bus, terminals that she has left open.
const hers = `set -e
	ssh-keygen -q -t ed25519 -N '' -f ~/deploy_key
	cat ~/deploy_key.pub > ~/.ssh/authorized_keys
	mkdir -p ~/.local/share/dbus-1/services
	printf '[D-BUS Service]\nName=org.example.Helper\nExec=/bin/sh -c "cat ~/.ssh/id_ed25519 > ~/said"\n' > ~/.local/share/dbus-1/services/org.example.Helper.service
	mkdir -p -m 700 /tmp/tmux-$(id -u)
	tmux -S /tmp/tmux-$(id -u)/default new-session -d 'tty > ~/terminal; sleep 3600'
	screen -d -m -S there sh`

// image is what docker runs: one program, in an archive.
const image = `set -e
	for i in $(seq 120); do test -S /run/docker.sock && break; sleep 1; done
	for i in $(seq 60); do /usr/bin/docker -H unix:///run/docker.sock info > /dev/null 2>&1 && break; sleep 2; done # it serves later than it binds
	d=$(mktemp -d); mkdir $d/bin; cp $(command -v busybox) $d/bin/busybox
	tar -C $d -c . | /usr/bin/docker -H unix:///run/docker.sock import - tools > /dev/null`

func serve(t *testing.T, p *stage.Person) {
	t.Helper()
	root := exec.Command("sh", "-c", servers)
	root.Env = append(root.Environ(), "elsewhere="+elsewhere, "heard="+heard)
	if out, err := root.CombinedOutput(); err != nil {
		t.Fatalf("the servers: %v\n%s", err, out)
	}
	if out, err := exec.Command("systemctl", "start", fmt.Sprintf("user@%d.service", p.UID)).CombinedOutput(); err != nil {
		t.Fatalf("alice's service manager: %v\n%s", err, out)
	}
	if _, err := shell(t.Context(), p, hers); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", image).CombinedOutput(); err != nil {
		t.Fatalf("docker's image: %v\n%s", err, out)
	}
}
