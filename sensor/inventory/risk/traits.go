// SPDX-License-Identifier: Apache-2.0

// This file is what items bring into a session: private data, content that anybody may have written, a way out. It goes by
// words in packages, hosts and commands: what nobody knows brings nothing here, and that is said.

package risk

import (
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// The traits.
const (
	Private   = "private-data"
	Untrusted = "untrusted-content"
	WayOut    = "way-out"
)

// Traits lists them.
var Traits = []string{Private, Untrusted, WayOut}

// known says what connectors of a word bring.
var known = []struct {
	word   *regexp.Regexp
	traits []string
}{
	{word(`github|gitlab|bitbucket|gitea`), []string{Private, Untrusted, WayOut}},
	{word(`slack|discord|teams|telegram|whatsapp|mattermost|zulip`), []string{Private, Untrusted, WayOut}},
	{word(`gmail|mail|outlook|imap|smtp|sendgrid|mailgun|resend`), []string{Private, Untrusted, WayOut}},
	{word(`jira|atlassian|confluence|linear|asana|notion|trello|clickup|monday|zendesk|intercom|tickets?|servicenow`), []string{Private, Untrusted, WayOut}},
	{word(`gdrive|drive|dropbox|onedrive|sharepoint|box|docs?|sheets|calendar|obsidian|notes`), []string{Private, WayOut}},
	{word(`salesforce|hubspot|crm|stripe|paypal|quickbooks|sap|workday|snowflake|bigquery|databricks`), []string{Private, WayOut}},
	{word(`postgres(ql)?|mysql|mariadb|sqlite|mongo(db)?|redis|duckdb|clickhouse|elasticsearch|supabase|dbhub|db|database|sql`), []string{Private}},
	{word(`filesystem|files?|git|memory|keychain|1password|vault`), []string{Private}},
	{word(`fetch|browser|browserbase|puppeteer|playwright|selenium|chrome|chromium|web|http|curl|crawl|firecrawl|scrape(r)?|apify`), []string{Untrusted, WayOut}},
	{word(`brave|search|tavily|exa|perplexity|google|bing|duckduckgo|kagi|serp(api)?|context7|deepwiki|wikipedia|arxiv|reddit|hackernews|rss|feed|youtube|news`), []string{Untrusted, WayOut}},
	{word(`aws|gcp|azure|cloudflare|kubernetes|k8s|kubectl|terraform|docker|vercel|netlify|heroku|sentry|datadog|grafana|pagerduty`), []string{Private, WayOut}},
	{word(`zapier|make|n8n|pipedream|composio|ifttt|webhooks?`), []string{Private, Untrusted, WayOut}},
	{word(`figma|canva|miro`), []string{Private, Untrusted}},
}

func word(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|[^a-z0-9])(` + alternatives + `)([^a-z0-9]|$)`)
}

// toolTraits are those of what texts may have the agent do.
var toolTraits = []struct {
	tool   *regexp.Regexp
	traits []string
}{
	{regexp.MustCompile(`^(WebFetch|WebSearch|webfetch|fetch|web)\b`), []string{Untrusted, WayOut}},
	{regexp.MustCompile(`(?i)^(bash|shell)(\(\s*[:*]*\s*\))?$|^(?i:bash|shell)\((curl|wget|nc|ssh|scp|rsync|git push|gh|aws|gcloud)\b`), []string{WayOut}},
	{regexp.MustCompile(`^(Read|Grep|Glob|read)\b`), []string{Private}},
}

func traits(it *inventory.Item) []string {
	set := map[string]bool{}
	switch it.Kind {
	case inventory.KindConnector:
		text := describe(it)
		for _, k := range known {
			if k.word.MatchString(text) {
				mark(set, k.traits)
			}
		}
		if it.Identity.URL != "" && it.NotHeld != "" {
			set[WayOut] = true // what it is asked reaches its host
		}
	case inventory.KindSkill, inventory.KindCommand, inventory.KindSubagent:
		for _, tool := range it.Facts.Tools {
			for _, t := range toolTraits {
				if t.tool.MatchString(tool) {
					mark(set, t.traits)
				}
			}
		}
	case inventory.KindHook:
		if it.Identity.URL != "" && it.NotHeld != "" {
			mark(set, []string{WayOut})
		}
	}
	var out []string
	for _, t := range Traits {
		if set[t] {
			out = append(out, t)
		}
	}
	return out
}

func mark(set map[string]bool, traits []string) {
	for _, t := range traits {
		set[t] = true
	}
}

// describe is the text that words are looked for in: what it is rather than what it is called, where that is known.
func describe(it *inventory.Item) string {
	parts := []string{it.Name}
	if p := it.Identity.Package; p != nil {
		parts = []string{p.Name, it.Name}
	}
	if _, where, ok := strings.Cut(it.Identity.URL, "://"); ok {
		parts = append(parts, where)
	}
	for _, f := range it.Identity.Files {
		if it.Scope != inventory.ScopeExtension {
			parts = append(parts, f.Name[strings.LastIndexByte(f.Name, '/')+1:])
		}
	}
	for _, t := range it.Identity.Tools {
		parts = append(parts, t.Name)
	}
	return strings.ReplaceAll(strings.Join(parts, " "), "_", "-")
}
