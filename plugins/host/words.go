// SPDX-License-Identifier: Apache-2.0

// This file is what a plugin says on its outputs: some lines go to the log, the rest is counted, and who floods waits.

package host

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	wordsBurst = 30               // lines at once
	wordsEvery = time.Second      // for one more
	wordsRate  = 1 << 20          // bytes a second that are read at all
	wordsRoom  = 512              // of a line
	wordsWait  = time.Millisecond // that is worth waiting for
)

// words takes in what a plugin says.
type words struct {
	log   *slog.Logger
	clock Clock

	mu     sync.Mutex
	line   []byte
	tokens int
	last   time.Time
	missed int
}

func newWords(log *slog.Logger, clock Clock) *words {
	return &words{log: log, clock: clock, tokens: wordsBurst, last: clock.Now()}
}

// Write takes words in. It waits for who says too much, which makes the plugin wait.
func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	for rest := b; len(rest) > 0; {
		line, more, whole := bytes.Cut(rest, []byte{'\n'})
		w.line = append(w.line, line[:min(len(line), wordsRoom-len(w.line))]...)
		if rest = more; whole {
			w.say()
		}
	}
	w.mu.Unlock()
	if wait := time.Duration(len(b)) * time.Second / wordsRate; wait > wordsWait {
		<-w.clock.After(wait)
	}
	return len(b), nil
}

// say logs the line at hand, if there is room for one.
func (w *words) say() {
	line := oneLine(string(w.line))
	w.line = w.line[:0]
	now := w.clock.Now()
	more := int(now.Sub(w.last) / wordsEvery)
	w.tokens, w.last = min(w.tokens+more, wordsBurst), w.last.Add(time.Duration(more)*wordsEvery)
	if w.tokens == 0 {
		w.missed++
		return
	}
	w.tokens--
	args := []any{"says", line}
	if w.missed > 0 {
		args = append(args, "lines_missed", w.missed)
		w.missed = 0
	}
	w.log.Log(context.Background(), slog.LevelInfo, "plugin", args...)
}
