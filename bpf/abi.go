// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Go's names for the types that the C headers declare: this file alone mentions the generated ones.

package bpf

// Records of the rings, as include/abi.h describes them.
type (
	Answer       = sensorAnswer
	AnswerKey    = sensorAnswerKey
	Applet       = sensorApplet
	BuildKey     = sensorBuildKey
	Change       = sensorChange
	Command      = sensorCommand
	Control      = sensorControl
	Copy         = sensorCopy
	DecidedKey   = sensorDecidedKey
	Device       = sensorDevice
	EventAccess  = sensorEventAccess
	EventDerived = sensorEventDerived
	EventExec    = sensorEventExec
	EventHeader  = sensorEventHeader
	EventLine    = sensorEventLine
	EventNet     = sensorEventNet
	EventProcess = sensorEventProcess
	EventSession = sensorEventSession
	Grant        = sensorGrant
	GrantKey     = sensorGrantKey
	KnownBuild   = sensorBuild
	MountKey     = sensorMountKey
	MountPoint   = sensorMountPoint
	Resolver     = sensorResolver
	Seed         = sensorSeed
	Session      = sensorSession
	SkillFolder  = sensorSkillFolder
	SkillKey     = sensorSkillKey
	Start        = sensorStart
	TableAgent   = sensorTableAgent
	TableEngine  = sensorTableEngine
	TableFuture  = sensorTableFuture
	TableHeader  = sensorTableHeader
	TableRole    = sensorTableRole
	TableRow     = sensorTableRow
	TaskState    = sensorTaskState
	WrittenBy    = sensorWrittenBy
	WrittenKey   = sensorWrittenKey
)

// Enumerations, as include/abi.h and include/policy.h describe them.
type (
	Action        = sensorAction
	AgentFlag     = sensorAgentFlag
	BuildFlag     = sensorBuildFlag
	Counter       = sensorCounter
	DeviceFlag    = sensorDeviceFlag
	EventFlag     = sensorEventFlag
	Form          = sensorForm
	EventKind     = sensorEventKind
	NetReason     = sensorNetReason
	Op            = sensorOp
	Principal     = sensorPrincipal
	SessionCause  = sensorSessionCause
	SessionFlag   = sensorSessionFlag
	SessionSwitch = sensorSessionSwitch
	StartFlag     = sensorStartFlag
	TaskFlag      = sensorTaskFlag
	View          = sensorView
)

const (
	ActionKill  = sensorActionACTION_KILL
	ActionDeny  = sensorActionACTION_DENY
	ActionAsk   = sensorActionACTION_ASK
	ActionAudit = sensorActionACTION_AUDIT
	ActionAllow = sensorActionACTION_ALLOW
	Actions     = sensorActionACTIONS
)

const (
	AgentHost        = sensorAgentFlagAGENT_HOST
	AgentObserve     = sensorAgentFlagAGENT_OBSERVE
	AgentRelaunch    = sensorAgentFlagAGENT_RELAUNCH
	AgentScript      = sensorAgentFlagAGENT_SCRIPT
	AgentInterpreter = sensorAgentFlagAGENT_INTERPRETER

	BuildShipped = sensorBuildFlagBUILD_SHIPPED
)

const (
	CountVerdictsLost    = sensorCounterCOUNT_VERDICTS_LOST
	CountActivityLost    = sensorCounterCOUNT_ACTIVITY_LOST
	CountNoBuffer        = sensorCounterCOUNT_NO_BUFFER
	CountNameTorn        = sensorCounterCOUNT_NAME_TORN
	CountNameDeep        = sensorCounterCOUNT_NAME_DEEP
	CountNameLong        = sensorCounterCOUNT_NAME_LONG
	CountNameDetached    = sensorCounterCOUNT_NAME_DETACHED
	CountNameDevice      = sensorCounterCOUNT_NAME_DEVICE
	CountNameForged      = sensorCounterCOUNT_NAME_FORGED
	CountNameFolded      = sensorCounterCOUNT_NAME_FOLDED
	CountNoTable         = sensorCounterCOUNT_NO_TABLE
	CountStaleSession    = sensorCounterCOUNT_STALE_SESSION
	CountForkRefused     = sensorCounterCOUNT_FORK_REFUSED
	CountSessionsFull    = sensorCounterCOUNT_SESSIONS_FULL
	CountLineUnread      = sensorCounterCOUNT_LINE_UNREAD
	CountLineCut         = sensorCounterCOUNT_LINE_CUT
	CountCheckLate       = sensorCounterCOUNT_CHECK_LATE
	CountSessionsStarted = sensorCounterCOUNT_SESSIONS_STARTED
	CountSessionsSwept   = sensorCounterCOUNT_SESSIONS_SWEPT
	CountSessionsEnded   = sensorCounterCOUNT_SESSIONS_ENDED
	CountJudged          = sensorCounterCOUNT_JUDGED
	CountRefused         = sensorCounterCOUNT_REFUSED
	CountLabelHit        = sensorCounterCOUNT_LABEL_HIT
	CountLabelMiss       = sensorCounterCOUNT_LABEL_MISS
	CountWritten         = sensorCounterCOUNT_WRITTEN
	CountSocketUntagged  = sensorCounterCOUNT_SOCKET_UNTAGGED
	CountPacketsDropped  = sensorCounterCOUNT_PACKETS_DROPPED
	CountNamesLearned    = sensorCounterCOUNT_NAMES_LEARNED
	CountNamesDropped    = sensorCounterCOUNT_NAMES_DROPPED
	CountConnectors      = sensorCounterCOUNT_CONNECTORS
	CountVerdictsFlood   = sensorCounterCOUNT_VERDICTS_FLOOD
	Counters             = sensorCounterCOUNTERS
)

const (
	StartApproved = sensorStartFlagSTART_APPROVED
	StartRevoked  = sensorStartFlagSTART_REVOKED
	StartPinned   = sensorStartFlagSTART_PINNED
	StartOther    = sensorStartFlagSTART_OTHER
)

// Commands: whose they are where they are everybody's, and the length of those that are longer than their room.
const (
	CommandAnyone = ^uint32(0) // COMMAND_ANYONE
	CommandLonger = ^uint32(0) // COMMAND_LONGER
	CommandOpen   = CommandLonger - 1
)

const (
	DevicePartial   = sensorDeviceFlagDEVICE_PARTIAL
	DeviceSubvolume = sensorDeviceFlagDEVICE_SUBVOLUME
)

const (
	EventApplied  = sensorEventFlagEVENT_APPLIED
	EventScript   = sensorEventFlagEVENT_SCRIPT
	EventThread   = sensorEventFlagEVENT_THREAD
	EventSwitch   = sensorEventFlagEVENT_SWITCH
	EventRelief   = sensorEventFlagEVENT_RELIEF
	EventMove     = sensorEventFlagEVENT_MOVE
	EventAgent    = sensorEventFlagEVENT_AGENT
	EventByAgent  = sensorEventFlagEVENT_BY_AGENT
	EventGuard    = sensorEventFlagEVENT_GUARD
	EventQuestion = sensorEventFlagEVENT_QUESTION
	EventCopy     = sensorEventFlagEVENT_COPY
)

const (
	KindNone         = sensorEventKindEVENT_NONE
	KindSessionStart = sensorEventKindEVENT_SESSION_START
	KindSessionClaim = sensorEventKindEVENT_SESSION_CLAIM
	KindSessionEnd   = sensorEventKindEVENT_SESSION_END
	KindAccess       = sensorEventKindEVENT_ACCESS
	KindExec         = sensorEventKindEVENT_EXEC
	KindLine         = sensorEventKindEVENT_LINE
	KindFork         = sensorEventKindEVENT_FORK
	KindExit         = sensorEventKindEVENT_EXIT
	KindPresent      = sensorEventKindEVENT_PRESENT
	KindHeld         = sensorEventKindEVENT_HELD
	KindNet          = sensorEventKindEVENT_NET
	KindDerived      = sensorEventKindEVENT_DERIVED
)

const (
	NetByRule     = sensorNetReasonNET_BY_RULE
	NetNoName     = sensorNetReasonNET_NO_NAME
	NetOtherName  = sensorNetReasonNET_OTHER_NAME
	NetHello      = sensorNetReasonNET_HELLO
	NetRequest    = sensorNetReasonNET_REQUEST
	NetQuestion   = sensorNetReasonNET_QUESTION
	NetRecordType = sensorNetReasonNET_RECORD_TYPE
	NetResolver   = sensorNetReasonNET_RESOLVER
	NetQUIC       = sensorNetReasonNET_QUIC
	NetOptions    = sensorNetReasonNET_OPTIONS
	NetUnread     = sensorNetReasonNET_UNREAD
	NetPort53     = sensorNetReasonNET_PORT_53
)

const (
	FormLSM     = sensorFormFORM_LSM
	FormModify  = sensorFormFORM_MODIFY
	FormTwice   = sensorFormFORM_TWICE
	FormNetwork = sensorFormFORM_NETWORK
	FormObserve = sensorFormFORM_OBSERVE
)

const (
	OpNone           = sensorOpOP_NONE
	OpExec           = sensorOpOP_EXEC
	OpExecMap        = sensorOpOP_EXEC_MAP
	OpExecWritten    = sensorOpOP_EXEC_WRITTEN
	OpExecAnonymous  = sensorOpOP_EXEC_ANONYMOUS
	OpFileRead       = sensorOpOP_FILE_READ
	OpFileWrite      = sensorOpOP_FILE_WRITE
	OpFileCreate     = sensorOpOP_FILE_CREATE
	OpFileDelete     = sensorOpOP_FILE_DELETE
	OpFileRename     = sensorOpOP_FILE_RENAME
	OpFileAttr       = sensorOpOP_FILE_ATTR
	OpProcSignal     = sensorOpOP_PROC_SIGNAL
	OpProcTrace      = sensorOpOP_PROC_TRACE
	OpUnixConnect    = sensorOpOP_UNIX_CONNECT
	OpPathLast       = sensorOpOP_PATH_LAST
	OpExecArgv       = sensorOpOP_EXEC_ARGV
	OpLineLast       = sensorOpOP_LINE_LAST
	OpNetDomain      = sensorOpOP_NET_DOMAIN
	OpNetAddr        = sensorOpOP_NET_ADDR
	OpNetListen      = sensorOpOP_NET_LISTEN
	OpNetFamily      = sensorOpOP_NET_FAMILY
	OpPrivSetuid     = sensorOpOP_PRIV_SETUID
	OpPrivMount      = sensorOpOP_PRIV_MOUNT
	OpPrivUserns     = sensorOpOP_PRIV_USERNS
	OpPrivBpf        = sensorOpOP_PRIV_BPF
	OpPrivModule     = sensorOpOP_PRIV_MODULE
	OpConnectorStart = sensorOpOP_CONNECTOR_START
	OpSkillLoad      = sensorOpOP_SKILL_LOAD
	OpAgentStart     = sensorOpOP_AGENT_START
	OpAgentRemote    = sensorOpOP_AGENT_REMOTE
	OpToolCall       = sensorOpOP_TOOL_CALL
	Ops              = sensorOpOPS
)

const (
	PrincipalAny      = sensorPrincipalPRINCIPAL_ANY
	PrincipalAgent    = sensorPrincipalPRINCIPAL_AGENT
	PrincipalWritten  = sensorPrincipalPRINCIPAL_WRITTEN
	PrincipalUnpinned = sensorPrincipalPRINCIPAL_UNPINNED
	PrincipalFirst    = sensorPrincipalPRINCIPAL_FIRST
)

const (
	CauseExec  = sensorSessionCauseCAUSE_EXEC
	CauseAdopt = sensorSessionCauseCAUSE_ADOPT
	CauseSeed  = sensorSessionCauseCAUSE_SEED
	CauseBuild = sensorSessionCauseCAUSE_BUILD
)

const (
	SessionUnclaimed = sensorSessionFlagSESSION_UNCLAIMED
	SessionObserve   = sensorSessionFlagSESSION_OBSERVE
	SessionHost      = sensorSessionFlagSESSION_HOST
)

const (
	SwitchDenyAll = sensorSessionSwitchSWITCH_DENY_ALL
	SwitchIsolate = sensorSessionSwitchSWITCH_ISOLATE
	SwitchFreeze  = sensorSessionSwitchSWITCH_FREEZE
	SwitchKill    = sensorSessionSwitchSWITCH_KILL
	SwitchNoFork  = sensorSessionSwitchSWITCH_NO_FORK
)

const TaskAgent = sensorTaskFlagTASK_AGENT

const (
	ViewHost     = sensorViewVIEW_HOST
	ViewForeign  = sensorViewVIEW_FOREIGN
	ViewNameless = sensorViewVIEW_NAMELESS
	ViewRefused  = sensorViewVIEW_REFUSED
	Views        = sensorViewVIEWS
)

// Limits and versions.
const (
	ABIVersion     = int(sensorAbiABI_VERSION)
	SessionsMax    = int(sensorAbiSESSIONS_MAX)
	MountsMax      = int(sensorAbiMOUNTS_MAX)
	UsersMax       = int(sensorAbiUSERS_MAX)
	GrantsMax      = int(sensorAbiGRANTS_MAX)
	PrefixMax      = int(sensorAbiPREFIX_MAX)
	SubvolMax      = int(sensorAbiSUBVOL_MAX)
	AppletMax      = int(sensorAbiAPPLET_MAX)
	CommandsMax    = int(sensorAbiCOMMANDS_MAX)
	CommandText    = int(sensorAbiCOMMAND_TEXT)
	CommandPath    = int(sensorAbiCOMMAND_PATH)
	SkillsMax      = int(sensorAbiSKILLS_MAX)
	SkillFolderMax = int(sensorAbiSKILL_FOLDER)
	CommandArgs    = int(sensorAbiCOMMAND_ARGS)
	DecidedMax     = int(sensorAbiDECIDED_MAX)
	CopiesMax      = int(sensorAbiCOPIES_MAX)
	CopyPath       = int(sensorAbiCOPY_PATH)
	BuildsMax      = int(sensorAbiBUILDS_MAX)
	BuildHead      = int(sensorAbiBUILD_HEAD)
	NameMax        = int(sensorAbiNAME_MAX_)
	TextMax        = int(sensorAbiTEXT_MAX)
	DepthMax       = int(sensorAbiDEPTH_MAX)
	LineKeep       = int(sensorAbiLINE_KEEP)
	KeepRole       = uint32(sensorAbiKEEP_ROLE)
	AgentCanary    = uint32(0xffffffff)
	SeedPresent    = uint32(sensorSeedModeSEED_PRESENT)
	SeedCarry      = uint32(sensorSeedModeSEED_CARRY)
	SeedSweep      = uint32(sensorSeedModeSEED_SWEEP)
	SeedEnd        = uint32(sensorSeedModeSEED_END)
	SeedSockets    = uint32(sensorSeedModeSEED_SOCKETS)
	ReliefHost     = uint32(sensorReliefRELIEF_HOST)
	ReliefRole     = uint32(sensorReliefRELIEF_ROLE)
	LineMax        = int(sensorAbiLINE_MAX_)
	TableMagic     = int(sensorPolicyLimitsTABLE_MAGIC)
	EngineAutomata = int(sensorPolicyLimitsENGINE_AUTOMATA)
	PathWords      = int(sensorPolicyLimitsPATH_WORDS)
	LineWords      = int(sensorPolicyLimitsLINE_WORDS)
	LabelWords     = int(sensorPolicyLimitsLABEL_WORDS)
	PathOps        = int(sensorPolicyLimitsPATH_OPS)
	Everydays      = int(sensorEverydayEVERYDAY)
	EverydayLast   = int(sensorEverydayEVERYDAY_DATAGRAM)
	RolesMax       = int(sensorPolicyLimitsROLES_MAX)
	PrincipalsMax  = int(sensorPolicyLimitsPRINCIPALS_MAX)
	TaintsMax      = int(sensorPolicyLimitsTAINTS_MAX)
	AgentsMax      = int(sensorPolicyLimitsAGENTS_MAX)
	AtomsMax       = int(sensorPolicyLimitsATOMS_MAX)
)
