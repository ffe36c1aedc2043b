// SPDX-License-Identifier: Apache-2.0

// Package enforce is policy: text in, the kernel's table out, and the reasons for every verdict.
//
// # The language
//
// A policy is TOML: one file, or a folder whose files are read in name order. It begins from a preset (observe, balanced,
// strict, or none) and lays rules over it.
//
//	version = 1
//	base    = "balanced"
//	homes   = ["/data/homes/*"]          # beside /root and /home/*; ~ in globs is every home
//
//	[sets]
//	secrets = ["~/.ssh/**", "**/.env"]   # used as @secrets; or { file = "secrets.txt" }
//
//	[[role]]                             # what a person is: users first, then NSS groups, else role default
//	name     = "engineering"
//	groups   = ["engineering"]
//	extends  = ["default"]
//	mode     = "enforce"                 # or observe: recorded, not applied
//	defaults = { exec = "allow", file = "allow", foreign = "audit" }
//
//	[[rule]]
//	id     = "secrets"
//	on     = ["file.read", "file.write"] # operations with one kind of object
//	match  = ["@secrets"]
//	except = ["~/.ssh/*.pub"]            # carves out of this rule only
//	action = "deny"                      # kill, deny, ask, audit, allow: strictest first
//	reason = "credentials are not for agents"
//
// A socket is named by the path that its server bound, or by @NAME where it lies in no file system. Behind the @ globs are as on
// paths: `*` stays within one component, and `@*/**` is every such name with a slash in it.
//
// A rule on terminals means those of others: of the one that controls a process, and of those that its session made, none is asked.
//
// Of all rules that match, the strictest wins. Where none does, the role's default for the operation's class holds; an
// allow rule matters only against a default. A site's rule with a preset's id replaces it whole, and `enabled = false`
// removes it: that is how a site loosens. Two of the site's own files may not both have a rule of one id. A role that a
// preset has keeps the preset's keys where the site's does not set them, and the default role answers for every key that
// a role and what it extends leave open.
//
// Every policy ends with rules that guard Reeve itself (guard.go); they hold in every mode, and nothing replaces them.
//
// A rule that refuses to execute a program of the system refuses a session's copies of it as well, once the daemon has compared them.
//
// A program that the session wrote, or that is no file, runs as principal written, also by way of ld.so, and so does what it starts;
// agents that update themselves stay agents. Who loads a library of the session's, or interprets its text, stays who it is.
//
// Further keys of a rule: principal (agent, written, connector:NAME, skill:NAME), when = { taint = [...] }, taint, roles,
// respond, enabled, severity, tags. Connectors and skills are declared by [[connector]] and [[skill]].
// A connector is its exact command, and the SHA-256 of what that runs where sha256 says it, or its url; a skill is the sha256 of its
// content. Of several files that is the SHA-256 of what `sha256sum` prints of them by ascending name, as
// `find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum` does in the skill's folder, where Python has left no
// bytecode of sources that are there (which is left out); `reeve pin` prints it.
//
// A task is a connector where an agent's own program executed the declared command, and so is what it starts. Where the content is not
// known to be what sha256 says, its answer is the stricter one of its own and the agent's. Rules on connector.start name what is
// declared, or ? for what a configuration has and the policy does not declare; what is other content than sha256 says may start where it
// might as either; the default is ask, which `reeve approve` answers. Rules on
// agent.start name agents as the catalogue does; `reeve approve` answers their ask too.
//
// Rules on skill.load name skills likewise; it is asked where a session opens a SKILL.md. A skill's programs and scripts, and what they
// start, are that skill, whose answer is always the stricter one of its own and the agent's.
//
// Beside the classes of operations, defaults has foreign (objects on file systems that the host has not mounted) and
// nameless (programs in memory files). No glob matches such objects, but a rule over everything (`**`, without except,
// principal and when) means them too.
//
// # The parts
//
// [Load] reads and checks, [Check] checks against the host as well, [Compile] makes the [Image], [Table.Decide] is the
// oracle that answers from the image's bytes as the kernel does, [Explain] answers from the rules themselves, and
// [Policy.Attribute] names the rule behind a verdict that the kernel reported.
//
// The package promises that a policy either compiles whole or fails with all its [Problems], each with place and hint;
// that the same policy gives the same bytes; and that rules it reads but the kernel does not hold yet are told by [Notes].
// But for Load, which reads files, it knows no kernel, clock or network. It does not apply anything by itself.
package enforce
