// SPDX-License-Identifier: Apache-2.0

// The numbers of this package are those of bpf/include/policy.h. Here they are compared with what was generated from it.

package enforce

import (
	"encoding/binary"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

func TestNumbersAreTheKernels(t *testing.T) {
	for name, tc := range map[string]struct{ ours, theirs int }{
		"exec":             {int(OpExec), int(bpf.OpExec)},
		"exec.map":         {int(OpExecMap), int(bpf.OpExecMap)},
		"exec.written":     {int(OpExecWritten), int(bpf.OpExecWritten)},
		"exec.anonymous":   {int(OpExecAnonymous), int(bpf.OpExecAnonymous)},
		"file.read":        {int(OpFileRead), int(bpf.OpFileRead)},
		"file.write":       {int(OpFileWrite), int(bpf.OpFileWrite)},
		"file.create":      {int(OpFileCreate), int(bpf.OpFileCreate)},
		"file.delete":      {int(OpFileDelete), int(bpf.OpFileDelete)},
		"file.rename":      {int(OpFileRename), int(bpf.OpFileRename)},
		"file.attr":        {int(OpFileAttr), int(bpf.OpFileAttr)},
		"proc.signal":      {int(OpProcSignal), int(bpf.OpProcSignal)},
		"proc.trace":       {int(OpProcTrace), int(bpf.OpProcTrace)},
		"exec.argv":        {int(OpExecArgv), int(bpf.OpExecArgv)},
		"net.domain":       {int(OpNetDomain), int(bpf.OpNetDomain)},
		"net.addr":         {int(OpNetAddr), int(bpf.OpNetAddr)},
		"net.listen":       {int(OpNetListen), int(bpf.OpNetListen)},
		"net.family":       {int(OpNetFamily), int(bpf.OpNetFamily)},
		"unix.connect":     {int(OpUnixConnect), int(bpf.OpUnixConnect)},
		"priv.setuid":      {int(OpPrivSetuid), int(bpf.OpPrivSetuid)},
		"priv.mount":       {int(OpPrivMount), int(bpf.OpPrivMount)},
		"priv.userns":      {int(OpPrivUserns), int(bpf.OpPrivUserns)},
		"priv.bpf":         {int(OpPrivBPF), int(bpf.OpPrivBpf)},
		"priv.module":      {int(OpPrivModule), int(bpf.OpPrivModule)},
		"connector.start":  {int(OpConnectorStart), int(bpf.OpConnectorStart)},
		"skill.load":       {int(OpSkillLoad), int(bpf.OpSkillLoad)},
		"agent.start":      {int(OpAgentStart), int(bpf.OpAgentStart)},
		"agent.remote":     {int(OpAgentRemote), int(bpf.OpAgentRemote)},
		"tool.call":        {int(OpToolCall), int(bpf.OpToolCall)},
		"ops":              {opCount, int(bpf.Ops)},
		"path-ops":         {pathOps, bpf.PathOps},
		"line-words":       {lineWords, bpf.LineWords},
		"kill":             {int(Kill), int(bpf.ActionKill)},
		"deny":             {int(Deny), int(bpf.ActionDeny)},
		"ask":              {int(Ask), int(bpf.ActionAsk)},
		"audit":            {int(Audit), int(bpf.ActionAudit)},
		"allow":            {int(Allow), int(bpf.ActionAllow)},
		"actions":          {int(actionCount), int(bpf.Actions)},
		"view-host":        {int(ViewHost), int(bpf.ViewHost)},
		"view-foreign":     {int(ViewForeign), int(bpf.ViewForeign)},
		"view-nameless":    {int(ViewNameless), int(bpf.ViewNameless)},
		"view-refused":     {int(ViewRefused), int(bpf.ViewRefused)},
		"first-connector":  {len((&Policy{}).Principals()), int(bpf.PrincipalFirst)},
		"max-roles":        {maxRoles, bpf.RolesMax},
		"max-principals":   {maxPrincipals, bpf.PrincipalsMax},
		"max-taints":       {maxTaints, bpf.TaintsMax},
		"max-agents":       {maxAgents, bpf.AgentsMax},
		"agent-host":       {agentHost, int(bpf.AgentHost)},
		"agent-observe":    {agentObserve, int(bpf.AgentObserve)},
		"agent-relaunch":   {agentRelaunch, int(bpf.AgentRelaunch)},
		"agent-script":     {agentScript, int(bpf.AgentScript)},
		"interpreter":      {agentInterpreter, int(bpf.AgentInterpreter)},
		"command-text":     {commandText, bpf.CommandText},
		"command-path":     {commandPath, bpf.CommandPath},
		"command-args":     {commandArgs, bpf.CommandArgs},
		"unpinned":         {Unpinned, int(bpf.PrincipalUnpinned)},
		"approved":         {int(Approved), int(bpf.StartApproved)},
		"revoked":          {int(Revoked), int(bpf.StartRevoked)},
		"other-content":    {int(Other), int(bpf.StartOther)},
		"the-agent":        {principalAgent, int(bpf.PrincipalAgent)},
		"name-ops":         {int(OpConnectorStart) + nameOps - 1, int(bpf.OpAgentRemote)},
		"magic":            {tableMagic, bpf.TableMagic},
		"everydays":        {everydays, bpf.Everydays},
		"everyday-last":    {len(everyday) - 1, int(bpf.EverydayLast)},
		"size-of-header":   {headerSize, binary.Size(bpf.TableHeader{})},
		"size-of-engine":   {engineSize, binary.Size(bpf.TableEngine{})},
		"size-of-role":     {roleSize, binary.Size(bpf.TableRole{})},
		"size-of-row":      {rowSize, binary.Size(bpf.TableRow{})},
		"size-of-agent":    {agentSize, binary.Size(bpf.TableAgent{})},
		"every-op-is-here": {len(ops), 28},
	} {
		if tc.ours != tc.theirs {
			t.Errorf("%s: %d, the kernel's is %d", name, tc.ours, tc.theirs)
		}
	}
}

// The header is read back through the generated struct, so that its fields' order is held as well.
func TestHeaderIsTheKernels(t *testing.T) {
	p, err := Parse(map[string]string{"a.toml": "version = 1\n"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := Compile(p, []Agent{{ID: 9, Exec: []string{"/x"}}}, 77, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var h bpf.TableHeader
	if _, err := binary.Decode(im.Table, le, &h); err != nil {
		t.Fatal(err)
	}
	o := im.Oracle()
	if h.Generation != 77 || int(h.Bytes) != len(im.Table) || h.Paths.Column != o.paths.Column || h.Lines.Start != o.lines.Start || h.Agents.Masks != o.agents.Masks {
		t.Errorf("header %+v", h)
	}
	if h.Roles != 1 || h.Principals != 3 || h.AgentCount != 1 || h.AgentTable != o.agentTable || h.RowTable != o.rowTable || h.RowIndex != o.rowIndex || h.RoleTable != o.roleTable {
		t.Errorf("counts and offsets %+v", h)
	}
	var role bpf.TableRole
	if _, err := binary.Decode(im.Table[h.RoleTable:], le, &role); err != nil {
		t.Fatal(err)
	}
	if role.Enforce != 1 || role.Fallback[OpNetDomain] != uint8(Audit) || role.Nameless[OpExecAnonymous] != uint8(Audit) || role.Foreign[OpFileRead] != uint8(Allow) {
		t.Errorf("role %+v", role)
	}
	var agent bpf.TableAgent
	if _, err := binary.Decode(im.Table[h.AgentTable:], le, &agent); err != nil || agent.Id != 9 {
		t.Errorf("agent %+v %v", agent, err)
	}
	for _, n := range []uint32{h.Paths.Masks, h.Paths.Folds, h.Lines.Masks, h.RoleTable, h.RowTable, h.AgentTable} {
		if n%8 != 0 {
			t.Errorf("offset %d is not aligned", n)
		}
	}
}

// What the table of operations calls held, a program of the kernel side holds, and nothing else is.
func TestHeldIsWhatProgramsHold(t *testing.T) {
	held := map[Op]bool{}
	for _, p := range bpf.Programs {
		for _, op := range p.Ops {
			held[Op(op)] = held[Op(op)] || p.Role == bpf.RoleEnforce
		}
	}
	for _, op := range Ops() {
		if Held(op) != held[op] {
			t.Errorf("%s: held %t, a program holds it %t", op, Held(op), held[op])
		}
	}
}
