// SPDX-License-Identifier: Apache-2.0

// This file is a message of RFC 5424 and its frame.

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// facilities are RFC 5424's, by their usual names, in its order.
var facilities = []string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

// severities are syslog's for those of events.
var severities = map[string]int{"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}

// notice is the severity of an event that has none of its own.
const notice = 5

// format is what all messages of this machine have in common.
type format struct {
	facility int
	host     string
	version  string
	process  string
}

func newFormat(h api.Host, facility string) (format, error) {
	n := slices.Index(facilities, facility)
	if n < 0 {
		return format{}, fmt.Errorf("facility %q is none of %s", facility, strings.Join(facilities, ", "))
	}
	return format{n, header(h.Name, 255), h.Version, strconv.Itoa(os.Getpid())}, nil
}

// header is a field of a message's header: printable, without a space, "-" where there is nothing.
func header(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// quote escapes a value of structured data.
var quote = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// timeForm is RFC 5424's: microseconds at most.
const timeForm = "2006-01-02T15:04:05.000000Z07:00"

// message is one event. Its id is in the text, as metadata.uid.
func (f *format) message(e *api.Event) []byte {
	severity, ok := severities[e.Severity]
	if !ok {
		severity = notice
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s reeve %s %s [origin software=\"Reeve\" swVersion=\"%s\"] ", f.facility*8+severity,
		e.Time.UTC().Format(timeForm), f.host, f.process, header(e.Kind, 32), quote.Replace(f.version))
	b.Write(e.OCSF)
	return b.Bytes()
}

// frame counts the octets of a message before it.
func frame(b *bytes.Buffer, message []byte) {
	b.WriteString(strconv.Itoa(len(message)))
	b.WriteByte(' ')
	b.Write(message)
}
