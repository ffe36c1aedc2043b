// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse

// Words for the numbers of the C, so that tests read like sentences.

var dnsReasons = [...]string{
	parseDnsReasonDNS_NO_REASON:  "",
	parseDnsReasonDNS_SHORT:      "short",
	parseDnsReasonDNS_LABEL:      "label",
	parseDnsReasonDNS_POINTER:    "pointer",
	parseDnsReasonDNS_NAME_LONG:  "long name",
	parseDnsReasonDNS_DATA:       "data",
	parseDnsReasonDNS_TRAILING:   "trailing",
	parseDnsReasonDNS_QUESTIONS:  "questions",
	parseDnsReasonDNS_COMPRESSED: "compressed",
	parseDnsReasonDNS_ODD:        "odd",
	parseDnsReasonDNS_CLASS:      "class",
	parseDnsReasonDNS_OPCODE:     "opcode",
	parseDnsReasonDNS_COSTLY:     "costly",
}

var dnsResults = [...]string{
	parseDnsResultDNS_MORE:      "more",
	parseDnsResultDNS_FINE:      "fine",
	parseDnsResultDNS_MALFORMED: "malformed",
	parseDnsResultDNS_REFUSED:   "refused",
}

var dnsFlags = map[string]uint32{
	"answer":    uint32(parseDnsFlagDNS_ANSWER),
	"truncated": uint32(parseDnsFlagDNS_TRUNCATED),
	"plain":     uint32(parseDnsFlagDNS_PLAIN),
	"cut":       uint32(parseDnsFlagDNS_CUT),
}

var streamResults = [...]string{
	parseDnsStreamResultDNS_STREAM_MORE:    "more",
	parseDnsStreamResultDNS_STREAM_MESSAGE: "message",
	parseDnsStreamResultDNS_STREAM_LONG:    "long",
}

var helloResults = [...]string{
	parseTlsResultTLS_MORE:     "more",
	parseTlsResultTLS_NAMED:    "named",
	parseTlsResultTLS_NAMELESS: "nameless",
	parseTlsResultTLS_FOREIGN:  "foreign",
	parseTlsResultTLS_REFUSED:  "refused",
}

var helloReasons = [...]string{
	parseTlsReasonTLS_FINE:     "",
	parseTlsReasonTLS_RECORD:   "record",
	parseTlsReasonTLS_OTHER:    "other",
	parseTlsReasonTLS_LONG:     "long",
	parseTlsReasonTLS_LENGTH:   "length",
	parseTlsReasonTLS_TWICE:    "twice",
	parseTlsReasonTLS_NAMES:    "names",
	parseTlsReasonTLS_DOMAIN:   "domain",
	parseTlsReasonTLS_ADDRESS:  "address",
	parseTlsReasonTLS_INNER:    "inner",
	parseTlsReasonTLS_TRAILING: "trailing",
	parseTlsReasonTLS_CHANGED:  "changed",
}

var helloFlags = map[string]uint32{
	"ech":    uint32(parseTlsFlagTLS_ECH),
	"early":  uint32(parseTlsFlagTLS_EARLY),
	"second": uint32(parseTlsFlagTLS_SECOND),
}

var requestResults = [...]string{
	parseHttpResultHTTP_MORE:    "more",
	parseHttpResultHTTP_HEAD:    "head",
	parseHttpResultHTTP_BLIND:   "blind",
	parseHttpResultHTTP_FOREIGN: "foreign",
	parseHttpResultHTTP_REFUSED: "refused",
}

var requestReasons = [...]string{
	parseHttpReasonHTTP_FINE:       "",
	parseHttpReasonHTTP_LONG:       "long",
	parseHttpReasonHTTP_METHOD:     "method",
	parseHttpReasonHTTP_TARGET:     "target",
	parseHttpReasonHTTP_OLD:        "old",
	parseHttpReasonHTTP_TWO:        "two",
	parseHttpReasonHTTP_VERSION:    "version",
	parseHttpReasonHTTP_LINE:       "line",
	parseHttpReasonHTTP_FOLD:       "fold",
	parseHttpReasonHTTP_FIELD:      "field",
	parseHttpReasonHTTP_NO_HOST:    "no host",
	parseHttpReasonHTTP_TWICE:      "twice",
	parseHttpReasonHTTP_HOST:       "host",
	parseHttpReasonHTTP_OTHER_HOST: "other host",
	parseHttpReasonHTTP_LENGTH:     "length",
	parseHttpReasonHTTP_CODING:     "coding",
	parseHttpReasonHTTP_CHUNK:      "chunk",
}

var classes = [...]string{
	parseAddressClassADDRESS_GLOBAL:     "global",
	parseAddressClassADDRESS_NONE:       "none",
	parseAddressClassADDRESS_LOOPBACK:   "loopback",
	parseAddressClassADDRESS_PRIVATE:    "private",
	parseAddressClassADDRESS_LINK_LOCAL: "link-local",
	parseAddressClassADDRESS_METADATA:   "metadata",
	parseAddressClassADDRESS_SHARED:     "shared",
	parseAddressClassADDRESS_MULTICAST:  "multicast",
	parseAddressClassADDRESS_RESERVED:   "reserved",
}

// with puts the reason behind the result, where there is one.
func with(result, reason string) string {
	if reason == "" {
		return result
	}
	return result + ": " + reason
}

// Verdict is "fine", "malformed: REASON" or "refused: REASON".
func (d *DNS) Verdict() string { return with(dnsResults[d.Result], dnsReasons[d.Reason]) }

// Verdict is "more", "named", "nameless", "foreign" or "refused: REASON".
func (h *Hello) Verdict() string { return with(helloResults[h.Result], helloReasons[h.Reason]) }

// Verdict is "more", "head", "blind", "foreign" or "refused: REASON".
func (r *Request) Verdict() string { return with(requestResults[r.Result], requestReasons[r.Reason]) }

// Verdict is "more", "message" or "long".
func (s *Stream) Verdict() string { return streamResults[s.Result] }

// ClassName is the word for a class of addresses (enum address_class).
func ClassName(class uint32) string { return classes[class] }
