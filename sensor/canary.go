// SPDX-License-Identifier: Apache-2.0

// The canary: a child of the sensor's own that tries each operation when told. What the kernel refuses to it is held; that
// programs load and attach proves nothing.

package sensor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// canaryMark in the environment makes a process of this program the canary.
const canaryMark = "REEVE_CANARY"

// CanaryMain is called first by every program that measures coverage. It returns at once, but in the canary, where it
// never does.
func CanaryMain() {
	switch os.Getenv(canaryMark) {
	case "":
		return
	case canaryTwice:
		os.Exit(0) // what the canary executes
	}
	if err := perform(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	canaryOnce  = "1"
	canaryTwice = "2"

	canaryFolder = "REEVE_CANARY_FOLDER" // names the one in which it may make and take away
)

// outcome is what the kernel said to one trial.
type outcome struct {
	Errno  syscall.Errno
	Signal syscall.Signal
}

// perform tries what it is told, a name a line, until there is no more.
func perform(in io.Reader, out io.Writer) error {
	stage, err := enter(os.Getenv(canaryFolder))
	if err != nil {
		return err
	}
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var name string
		if err := orders.Decode(&name); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := answers.Encode(outcomeOf(trials[name](stage))); err != nil {
			return err
		}
	}
}

func outcomeOf(err error) outcome {
	var o outcome
	var exit *exec.ExitError
	switch {
	case err == nil, errors.As(err, &o.Errno):
	case errors.As(err, &exit):
		o.Signal = exit.Sys().(syscall.WaitStatus).Signal()
	default:
		o.Errno = unix.EIO
	}
	return o
}

// canary is a running one.
type canary struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
	patient *time.Timer
	slot    uint32 // of its session
	folder  string
	servers []io.Closer
	absent  map[string]bool // trials that the file system of the folder has not the means for
}

// canaryWait bounds what a canary takes for one answer; its end ends what waits for it. A machine that is busy with other
// things takes many times as long as one that is not, and a sensor that gave up on it would leave it unwatched.
const canaryWait = 30 * time.Second

// startCanary starts one below the control group where networks are judged; "" is everywhere.
func startCanary(group string) (*canary, error) {
	folder, err := stageFolder()
	if err != nil {
		return nil, err
	}
	servers, err := serve(folder)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making servers for the canary: %w", err), closed(servers), os.RemoveAll(folder))
	}
	cmd := exec.Command(self)
	cmd.Args[0] = "reeve-canary"
	cmd.Env = []string{canaryMark + "=" + canaryOnce, canaryFolder + "=" + folder}
	if group != "" {
		g, err := os.Open(group)
		if err != nil {
			return nil, errors.Join(err, closed(servers), os.RemoveAll(folder))
		}
		defer g.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.Fd())}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the canary: %w", err), closed(servers), os.RemoveAll(folder))
	}
	patient := time.AfterFunc(canaryWait, func() { _ = cmd.Process.Signal(unix.SIGTERM) })
	return &canary{cmd: cmd, in: in, orders: json.NewEncoder(in), answers: json.NewDecoder(out), patient: patient,
		folder: folder, servers: servers, absent: map[string]bool{}}, nil
}

// try lets the canary try one thing.
func (c *canary) try(name string) (outcome, error) {
	var o outcome
	c.patient.Reset(canaryWait)
	if err := c.orders.Encode(name); err != nil {
		return o, fmt.Errorf("asking the canary to %s: %w", name, err)
	}
	if err := c.answers.Decode(&o); err != nil {
		return o, fmt.Errorf("waiting for the canary to %s: %w", name, err)
	}
	return o, nil
}

// end lets the canary end.
func (c *canary) end() error {
	defer c.patient.Stop()
	err := c.in.Close()
	if waitErr := c.cmd.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("the canary: %w", waitErr))
	}
	return errors.Join(err, closed(c.servers), os.RemoveAll(c.folder))
}

func closed(all []io.Closer) error {
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// killed waits for a canary that does not answer, and reports whether it was killed.
func (c *canary) killed() bool {
	defer c.patient.Stop()
	_ = c.in.Close()
	_ = c.cmd.Wait()
	_ = closed(c.servers)
	_ = os.RemoveAll(c.folder)
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == unix.SIGKILL
}
