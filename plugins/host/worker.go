// SPDX-License-Identifier: Apache-2.0

// This file is the life of one plugin: it is started, used, ended for what it does wrong, and started again after a pause.

package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
	"github.com/reeve-sensor/reeve/plugins/queue"
)

// Pauses between lives, and between attempts of one whose back end does not take what it exports.
const (
	lifePauseLeast = time.Second
	lifePauseMost  = 5 * time.Minute
	sendPauseLeast = time.Second
	sendPauseMost  = 30 * time.Second
	lifeWell       = time.Minute // that makes earlier deaths forgotten
)

// worker runs one plugin.
type worker struct {
	o     *Options
	clock Clock
	spec  Spec
	queue *queue.Queue
	words *words
	pin   string // wanted sum; what was found first, where the configuration has none

	life   pause
	send   pause
	trial  trial
	silent atomic.Bool // it exports nothing
	in     chan Event
	orders chan *order

	mu      sync.Mutex
	status  Status
	now     *conn         // nil while it does not run
	changed chan struct{} // closed when now is another one
	pending map[orderKey]bool
	told    map[string]time.Time // when a notice was told last, by what it is about
}

func newWorker(o *Options, s Spec) (*worker, error) {
	q, err := queue.Open(filepath.Join(o.State, s.Name), o.QueueBytes)
	if err != nil {
		return nil, err
	}
	w := &worker{
		o: o, clock: o.Clock, spec: s, queue: q, words: newWords(o.Log.With("plugin", s.Name), o.Clock), pin: s.SHA256,
		life: pause{least: lifePauseLeast, most: lifePauseMost}, send: pause{least: sendPauseLeast, most: sendPauseMost},
		trial: trial{size: batchMost}, in: make(chan Event, inMost), orders: make(chan *order, ordersMost),
		changed: make(chan struct{}), pending: map[orderKey]bool{}, told: map[string]time.Time{},
	}
	w.status = Status{Name: s.Name, State: Starting}
	return w, nil
}

// run goes on until ctx ends.
func (w *worker) run(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Go(func() { w.take(ctx) })
	wait.Go(func() { w.answer(ctx) })
	for ctx.Err() == nil {
		began := w.clock.Now()
		err := w.once(ctx)
		if ctx.Err() != nil {
			break
		}
		if w.clock.Now().Sub(began) >= lifeWell {
			w.life.succeed()
		}
		rest := w.life.fail()
		w.died(err, rest)
		select {
		case <-ctx.Done():
		case <-w.clock.After(rest):
		}
	}
	wait.Wait()
}

// once is one life of the plugin. The error says why it ended.
func (w *worker) once(ctx context.Context) error {
	c, err := w.launch(ctx)
	if err != nil {
		return err
	}
	defer c.end()
	values, err := settings(&w.spec, c.about.Settings)
	if err != nil {
		return err
	}
	configure, cancel := context.WithTimeout(ctx, w.spec.Timeout)
	defer cancel()
	_, err = c.rpc.Configure(configure, &pb.ConfigureRequest{Settings: values, Host: w.o.Host.Name, Version: w.o.Host.Version})
	if err != nil {
		return fmt.Errorf("configuring: %w", plain(err))
	}
	w.lives(c)
	defer w.lives(nil)
	return w.use(ctx, c)
}

// use lets the plugin work until something goes wrong.
func (w *worker) use(ctx context.Context, c *conn) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wait sync.WaitGroup
	for _, loop := range []func(context.Context, *conn) error{w.watch, w.export, w.ask} {
		wait.Go(func() {
			if err := loop(ctx, c); err != nil {
				stop(err)
			}
		})
	}
	<-ctx.Done()
	wait.Wait()
	return context.Cause(ctx)
}

// watchEvery is how often memory is looked at; every askAt-th time the plugin is asked how it is.
const (
	watchEvery = time.Second
	askEvery   = 15 * time.Second
)

// errEnded says that the process is gone.
var errEnded = errors.New("it ended")

// watch ends the life of a plugin that has ended, or uses too much memory.
func (w *worker) watch(ctx context.Context, c *conn) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.process.ended:
			return c.ending()
		case <-time.After(watchEvery):
		}
		if n := c.process.resident(); n > w.spec.Memory {
			return fmt.Errorf("it uses %d MB of memory, and may use %d", n>>20, w.spec.Memory>>20)
		}
	}
}

// ask asks the plugin how it is. One that does not say is ended.
func (w *worker) ask(ctx context.Context, c *conn) error {
	for {
		health, cancel := context.WithTimeout(ctx, w.o.Patience/2)
		reply, err := c.rpc.Health(health, &pb.HealthRequest{})
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("asking how it is: %w", plain(err))
		}
		w.set(func(s *Status) { s.Health = oneLine(reply.Problem) })
		select {
		case <-ctx.Done():
			return nil
		case <-w.clock.After(askEvery):
		}
	}
}
