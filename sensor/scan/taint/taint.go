// SPDX-License-Identifier: Apache-2.0

// Package taint says what data is, by where it came from: the labels that the analysers of shell, Python and JavaScript
// carry from sources to sinks. What counts as a secret, a place that survives, an address that is somebody's, is decided here
// once for all languages.
package taint

import (
	"regexp"
	"strings"
)

// Label is a set of origins.
type Label uint32

// Origins.
const (
	SecretPath   Label = 1 << iota // the name of a file with credentials
	Secret                         // the content of one
	SystemPath                     // the name of a file that tells about the system or its users
	System                         // its content
	PersistPath                    // a place that is executed later
	EnvName                        // the name of a variable with a credential
	EnvSecret                      // its value
	EnvAll                         // the whole environment
	Host                           // what identifies machine and user
	File                           // the content of any file
	Remote                         // from the network
	Decoded                        // out of an encoding
	Param                          // from who calls a tool
	Watched                        // clipboard, keys, screen, microphone
	History                        // what people did: browser, shell history, mail
	Metadata                       // the cloud's address for credentials
	Prompt                         // what user and agent said
	Address                        // a fixed address on the network
	LocalAddress                   // an address of this machine
	Temp                           // a file in a folder that anybody writes to
	EnvFile                        // the name of a project's own file of secrets
	Bulk                           // many files, whichever there are
)

// Has says whether any of the origins is there.
func (l Label) Has(o Label) bool { return l&o != 0 }

// Act is what a program does, as far as a description should mention it.
type Act uint32

// Acts.
const (
	Network Act = 1 << iota
	Sends
	Executes
	Writes
	Deletes
	ReadsSecret
	ReadsEnv
	ReadsFile
	Persists
	Watches
)

// Has says whether any of the acts is there.
func (a Act) Has(o Act) bool { return a&o != 0 }

// kind is one pattern of text and what it is.
type kind struct {
	label    Label
	literals []string // lower case; one of them stands in every match
	re       *regexp.Regexp
}

var kinds = []kind{
	{SecretPath, []string{".ssh", "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"}, regexp.MustCompile(`(?i)(?:^|[/\\~\s"'])\.ssh(?:[/\\]+(?:$|[*?]|id_|config|identity|.*key|\{)|[/\\]?$|[/\\]?["'\s|;&)])|\bid_(?:rsa|dsa|ecdsa|ed25519)\b(?:[^.]|$)|\bid_\*`)},
	{SecretPath, []string{"credential", ".netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".my.cnf", "hosts.yml", "access_tokens", ".boto", "config.json", "kube", "gcloud", "service-account"},
		regexp.MustCompile(`(?i)\.aws(?:[/\\]+|["',\s]+)(?:credentials|config|\*)|(?:^|[/\\])\.?netrc\b|\.(?:npmrc|pypirc|pgpass|my\.cnf|boto)\b|\.git-credentials|\.config[/\\]+(?:gh|hub|gcloud|git[/\\]credentials|heroku)\b|\.kube[/\\]+config|\.docker[/\\]+config\.json|application_default_credentials|\.gem[/\\]credentials|\.azure[/\\]|credentials\.db|\.cargo[/\\]credentials|accessTokens\.json|\.terraform\.d[/\\]credentials`)},
	{SecretPath, []string{"/etc/shadow", "/etc/gshadow", "wallet", "keystore", "keychain", "seed.txt", "mnemonic", ".gnupg", "login data", "cookies", "metamask", "local extension settings", "logins.json", "key4.db", "exodus", "electrum", "keyring", "1password", ".password-store", "vault-token"},
		regexp.MustCompile(`(?i)/etc/g?shadow\b|wallet\.dat|[*.]keystore|Library/Keychains|login\.keychain|seed\.txt|mnemonic\*|\.gnupg\b|Login Data\b|(?:User Data|Profiles?|Default|Chrome|Firefox|Safari|PROFILE\w*\}?)[^\n"']{0,60}[/\\]Cookies\b|cookies\.sqlite|Cookies\.binarycookies|metamask|Local Extension Settings|logins\.json|key4\.db|\.electrum\b|Exodus[/\\]|\.password-store|\.vault-token|\.local/share/keyrings`)},
	{EnvFile, []string{".env"}, regexp.MustCompile(`(?i)(?:^|[/\\~\s"'=])\.env(?:\.(?:local|production|prod|development|staging))?(?:$|[\s"'|;)&])`)},
	{SecretPath, []string{"~/.env", ".claude", "auth.json", "secrets"},
		regexp.MustCompile(`(?i)(?:^|\s)~/\.env\b|\.claude[/\\]+\.credentials|\.codex[/\\]+auth\.json|/run/secrets|/var/run/secrets`)},
	{SystemPath, []string{"/etc/", "/proc/", "/sys/class/net", "/var/log"}, regexp.MustCompile(`/etc/(?:passwd|group|sudoers|hosts|hostname|resolv\.conf|os-release|machine-id|network/|ssh/|crontab|fstab|issue)|/proc/(?:self|net|\d+|\{|\$|cpuinfo|meminfo|version|mounts|[^a-z"']*$)|/var/log/(?:auth|syslog|secure|messages|wtmp|btmp|lastlog|audit)|/sys/class/net`)},
	{PersistPath, []string{"rc", "profile", "cron", "systemd", "launch", "autostart", ".pth", "authorized_keys", "startup", "currentversion", "hooks", "settings.json", "init.d", "ld.so.preload", "sitecustomize", "logout", "claude.md", "agents.md", "rc.local"},
		regexp.MustCompile(`(?i)(?:^|[/\\~"'\s])\.(?:bash|zsh|ksh|csh|fish)(?:rc|_profile|_login|_logout|env)\b|[/\\~"']\.profile\b|/etc/(?:cron\S*|profile(?:\.d)?\b|rc\.local|init\.d|systemd/system|ld\.so\.preload|bash\.bashrc|environment)|\.config/(?:systemd/user|autostart|fish/config)|systemd/(?:system|user)/\S*\.(?:service|timer)|Launch(?:Agents|Daemons)|authorized_keys|CurrentVersion\\+Run|Startup[/\\]|\.git/hooks/|\.claude/settings(?:\.local)?\.json|/var/spool/cron|sitecustomize\.py|usercustomize\.py|site-packages/\S*\.pth|Start Menu`)},
	{History, []string{"history", "places.sqlite", "bookmarks"}, regexp.MustCompile(`(?i)\.(?:bash|zsh|python|mysql|psql|node_repl)_history|places\.sqlite|(?:Chrome|Chromium|Edge|Brave|Safari|Default)[^\n"']{0,40}[/\\]+History\b|History\.db|Bookmarks\.plist`)},
	{Metadata, []string{"169.254.", "metadata.google", "0xa9fea9fe", "2852039166", "fd00:ec2"}, regexp.MustCompile(`(?i)169\.254\.(?:169\.254|170\.2)|metadata\.google\.internal|0xA9FEA9FE|\b2852039166\b|fd00:ec2::254`)},
	{EnvName, []string{"key", "token", "secret", "passw", "credential"}, regexp.MustCompile(`^(?:[A-Z0-9]+_)*(?:(?:API|ACCESS|SECRET|PRIVATE|AUTH)?_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_ID)?$`)},
	{Temp, []string{"/tmp/", "/var/tmp", "/dev/shm"}, regexp.MustCompile(`(?:^|["'\s=])(?:/tmp|/var/tmp|/dev/shm)/`)},
	{LocalAddress, []string{"localhost", "127.0.0.1", "0.0.0.0", "::1"}, regexp.MustCompile(`(?i)(?:^|//|@)(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?:[:/]|$)`)},
	{Address, []string{"://"}, regexp.MustCompile(`(?i)\b(?:https?|ftp|wss?)://[a-z0-9\[]`)},
}

// maxText is how much of a string constant is looked at. Longer ones are no names.
const maxText = 4096

// OfText says what a string names.
func OfText(s string) Label {
	if len(s) > maxText || len(s) < 3 {
		return 0
	}
	lower := strings.ToLower(s)
	var l Label
	for i := range kinds {
		k := &kinds[i]
		if l.Has(k.label) {
			continue
		}
		for _, lit := range k.literals {
			if strings.Contains(lower, lit) {
				if k.re.MatchString(s) {
					l |= k.label
				}
				break
			}
		}
	}
	if l.Has(LocalAddress) {
		l &^= Address
	}
	if publicKey(lower) {
		l &^= SecretPath
	}
	if strings.Contains(lower, ".env.example") || strings.Contains(lower, ".env.sample") || strings.Contains(lower, ".env.template") {
		l &^= SecretPath | EnvFile
	}
	return l
}

// publicKey is what may be shown to everybody.
func publicKey(lower string) bool {
	return strings.HasSuffix(lower, ".pub") || strings.HasSuffix(lower, "known_hosts") || strings.HasSuffix(lower, ".ssh/config")
}

// Read is what comes out of a file whose name has these labels.
func Read(name Label) Label {
	l := File
	for _, pair := range [...][2]Label{{SecretPath, Secret}, {EnvFile, Secret}, {Bulk, Bulk}, {SystemPath, System}, {History, History}, {Metadata, Secret}} {
		if name.Has(pair[0]) {
			l |= pair[1]
		}
	}
	return l
}

// names of labels, for people, worst first.
var names = []struct {
	label Label
	name  string
}{
	{Secret, "the content of a file with credentials"}, {EnvAll, "the whole environment"}, {EnvSecret, "a credential of the environment"},
	{Watched, "what was watched of the user"}, {History, "the user's history"}, {Metadata, "credentials of the cloud"}, {System, "a file about the system"},
	{Prompt, "what was said to the agent"}, {Host, "what identifies the machine"}, {Decoded, "decoded data"}, {Remote, "data from the network"},
	{File, "the content of a file"}, {Param, "what the caller gives"},
}

// String names the worst of the origins.
func (l Label) String() string {
	for _, n := range names {
		if l.Has(n.label) {
			return n.name
		}
	}
	return "data"
}
