// SPDX-License-Identifier: Apache-2.0

// Package messages is a scripted stand-in for the APIs of models: Anthropic's Messages, as much of OpenAI's
// Responses and chat completions as their agents need, and Google's generateContent, so that tests and the
// demo drive a real, unmodified agent through a scenario without a vendor, a key or a network.
//
// A scenario is a list of turns; each says a text and calls tools. The server keeps no place in it: the
// ids of its tool calls carry the turn, so the tool results in a request say which turn is next, and
// repeated or compacted requests are answered alike. What an agent asks on the side (a title, a quota
// probe, a token count) is answered plausibly and moves nothing. It does not check keys, and it does
// not tell a sub-agent's conversation from the main one: scenarios do not start sub-agents.
package messages
