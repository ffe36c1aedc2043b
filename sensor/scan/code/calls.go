// SPDX-License-Identifier: Apache-2.0

// This file is what calls of libraries do.

package code

import (
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// role is what a call does with what it is given.
type role uint8

const (
	passes  role = iota // gives on what it gets
	source              // gives what the table says
	reads               // reads the file that it is given the name of
	opens               // a name, or a place to write to
	fetches             // gets from the network
	sends               // gives to the network
	evals               // runs code of the language
	shells              // runs a command line
	spawns              // runs a program with arguments
	decodes
	revives // makes objects of data
	imports
	writes
	removes
	modes // changes rights
	extracts
	queries // a language of its own: SQL, LDAP
	renders // a template
	checks  // compares paths
	clean   // gives nothing on: a length, a hash
	links   // a connection
	probes  // asks whether a port is open
	delays
	evades
	watches
)

// meaning is one row.
type meaning struct{ role role }

// names of calls by role, between spaces. A leading "." is a method of anything.
var pythonCalls = table(map[role]string{
	reads:    "open io.open codecs.open pathlib.Path.open .read_text .read_bytes linecache.getlines shutil.copy shutil.copy2 shutil.copyfile shutil.make_archive aiofiles.open os.open gzip.open fileinput.input",
	fetches:  "urllib.request.urlopen urllib2.urlopen urllib.urlopen requests.get httpx.get aiohttp.get urllib.request.urlretrieve wget.download requests.request httpx.request urllib3.request .urlopen requests.head requests.options httpx.stream",
	sends:    "requests.post requests.put requests.patch httpx.post httpx.put httpx.patch smtplib.SMTP.sendmail .sendmail .send_message .sendall .sendto ftplib.FTP.storbinary .storbinary http.client.HTTPSConnection.request telegram.send_message .send_document .send_photo boto3.upload_file .upload_file .upload_fileobj .put_object paramiko.put .webhook .postMessage .chat_postMessage dns.resolver.resolve dns.resolver.query socket.gethostbyname socket.getaddrinfo",
	evals:    "eval exec execfile code.interact code.InteractiveInterpreter.runsource builtins.exec builtins.eval __builtins__.exec __builtins__.eval types.FunctionType runpy.run_path runpy.run_module",
	shells:   "os.system os.popen subprocess.getoutput subprocess.getstatusoutput commands.getoutput asyncio.create_subprocess_shell pty.spawn libc.system .system os.popen2 os.popen3",
	spawns:   "subprocess.run subprocess.Popen subprocess.call subprocess.check_output subprocess.check_call os.execv os.execve os.execvp os.execl os.execlp os.spawnv os.spawnl os.spawnlp os.posix_spawn asyncio.create_subprocess_exec pexpect.spawn",
	decodes:  "base64.b64decode base64.b32decode base64.b16decode base64.b85decode base64.a85decode base64.decodebytes base64.urlsafe_b64decode bytes.fromhex bytearray.fromhex binascii.unhexlify binascii.a2b_base64 codecs.decode zlib.decompress gzip.decompress bz2.decompress lzma.decompress marshal.loads .b64decode .fromhex .unhexlify",
	revives:  "pickle.loads pickle.load cPickle.loads dill.loads dill.load yaml.load yaml.unsafe_load yaml.full_load marshal.load jsonpickle.decode shelve.open joblib.load torch.load cloudpickle.loads",
	imports:  "importlib.import_module __import__ importlib.util.spec_from_file_location imp.load_source imp.load_module .exec_module importlib.reload pkgutil.get_loader",
	writes:   ".write_text .write_bytes .write .writelines json.dump pickle.dump shutil.copyfileobj os.replace os.rename shutil.move os.symlink os.link",
	removes:  "os.remove os.unlink os.rmdir shutil.rmtree .unlink .rmdir os.removedirs os.truncate send2trash.send2trash",
	modes:    "os.chmod os.chown .chmod os.setuid os.setgid os.seteuid os.fchmod",
	extracts: ".extractall tarfile.extractall zipfile.extractall shutil.unpack_archive .extract",
	queries:  ".execute .executemany .executescript .raw .search_s .search_ext_s .xpath .findtext",
	renders:  "jinja2.Template jinja2.Environment.from_string .from_string flask.render_template_string render_template_string django.template.Template Template string.Template mako.template.Template .substitute .safe_substitute pystache.render chevron.render .render",
	checks:   ".resolve .is_relative_to os.path.realpath os.path.abspath os.path.normpath os.path.commonpath os.path.commonprefix .relative_to werkzeug.utils.secure_filename secure_filename shlex.quote shlex.split html.escape .isalnum re.fullmatch ast.literal_eval ipaddress.ip_address urllib.parse.urlparse urlparse .escape_filter_chars escape_filter_chars",
	clean:    "len int float bool isinstance hash id type range enumerate.count hashlib.sha256 hashlib.md5 hashlib.sha1 os.path.exists os.path.isfile os.path.isdir os.path.getsize .exists .is_file .is_dir .startswith .endswith .lower.startswith any all sum min max round abs ord time.time datetime.now print logging.info logger.info",
	links:    ".connect socket.create_connection .create_connection websocket.create_connection websockets.connect",
	probes:   ".connect_ex nmap.PortScanner nmap.PortScanner.scan ipaddress.ip_network",
	evades:   "ctypes.CDLL ctypes.cdll.LoadLibrary prctl.set_name setproctitle.setproctitle os.setsid os.fork sys.settrace sys.gettrace ptrace os.utime ctypes.windll os.memfd_create inspect.currentframe .prctl",
	watches:  "pyperclip.paste ImageGrab.grab PIL.ImageGrab.grab pyautogui.screenshot mss.mss pynput.keyboard.Listener keyboard.on_press keyboard.read_event cv2.VideoCapture sounddevice.rec pyaudio.PyAudio win32clipboard.GetClipboardData .grab_clipboard tkinter.Tk.clipboard_get .clipboard_get browser_cookie3.load browser_cookie3.chrome browser_cookie3.firefox pynput.mouse.Listener",
})

var pythonSources = map[string]taint.Label{
	"glob.glob": taint.Bulk, "glob.iglob": taint.Bulk, "os.walk": taint.Bulk, "os.listdir": taint.Bulk, "os.scandir": taint.Bulk, "pathlib.Path.rglob": taint.Bulk, "Path.rglob": taint.Bulk,
	"os.getenv": taint.EnvName, "os.environ.get": taint.EnvName, "os.environ.copy": taint.EnvAll, "os.environ.items": taint.EnvAll, "dict.os.environ": taint.EnvAll,
	"socket.gethostname": taint.Host, "platform.node": taint.Host, "platform.uname": taint.Host, "platform.platform": taint.Host, "getpass.getuser": taint.Host, "os.uname": taint.Host, "os.getlogin": taint.Host, "socket.getfqdn": taint.Host, "uuid.getnode": taint.Host,
	"socket.gethostbyname_ex": taint.Host, "platform.system": 0, "psutil.process_iter": taint.System, "psutil.pids": taint.System, "psutil.net_connections": taint.System, "pwd.getpwall": taint.System, "psutil.Process": taint.System, "pwd.getpwuid": taint.Host, "psutil.net_if_addrs": taint.Host, "netifaces.interfaces": taint.Host,
	"keyring.get_password": taint.EnvSecret, "input": 0, "getpass.getpass": taint.EnvSecret, "boto3.Session.get_credentials": taint.Secret, "get_frozen_credentials": taint.Secret,
}

var scriptCalls = table(map[role]string{
	reads:    "fs.readFileSync fs.readFile fs.createReadStream .readFileSync fs.promises.readFile Deno.readTextFile Bun.file fs.copyFileSync fs.copyFile fs-extra.readFile fs-extra.readFileSync fs-extra.copy fs.openSync readFileSync readFile",
	fetches:  "https.get http.get axios.get got needle.get superagent.get node-fetch request.get undici.request axios.request got.get ky.get",
	sends:    "axios.post axios.put axios.patch got.post superagent.post request.post ky.post .sendMail nodemailer.sendMail navigator.sendBeacon net.write dgram.send .sendBeacon dns.resolve dns.lookup dns.resolveTxt needle.post .upload",
	evals:    "eval Function vm.runInNewContext vm.runInThisContext vm.runInContext vm.Script setTimeout.string vm.compileFunction .runInNewContext .runInThisContext",
	shells:   "child_process.exec child_process.execSync shelljs.exec execa.command execa.commandSync execaCommand",
	spawns:   "child_process.spawn child_process.spawnSync child_process.execFile child_process.execFileSync child_process.fork execa execa.execa Bun.spawn Deno.run Deno.Command cross-spawn",
	decodes:  "atob Buffer.from.base64 unescape decodeURIComponent String.fromCharCode zlib.gunzipSync zlib.inflateSync js-base64.decode",
	revives:  "node-serialize.unserialize serialize-javascript.deserialize v8.deserialize js-yaml.load .unserialize",
	imports:  "require.dynamic import",
	writes:   "fs.writeFileSync fs.writeFile fs.appendFileSync fs.appendFile fs.promises.writeFile fs.createWriteStream Deno.writeTextFile Bun.write fs-extra.outputFile fs.renameSync fs.symlinkSync fs-extra.writeFile .writeFileSync .appendFileSync writeFileSync",
	removes:  "fs.unlinkSync fs.unlink fs.rmSync fs.rm fs.rmdirSync rimraf fs-extra.remove fs.promises.rm fs.promises.unlink rimraf.sync fs-extra.removeSync .rmSync",
	modes:    "fs.chmodSync fs.chmod process.setuid fs.chownSync",
	extracts: "adm-zip.extractAllTo .extractAllTo tar.x tar.extract decompress extract-zip",
	queries:  ".query .raw .execute sequelize.query",
	renders:  "ejs.render pug.render handlebars.compile nunjucks.renderString lodash.template mustache.render",
	checks:   "path.resolve path.normalize fs.realpathSync fs.realpath .startsWith path.relative encodeURIComponent path.basename validator.escape",
	clean:    ".length parseInt Number Boolean .includes .indexOf fs.existsSync crypto.createHash console.log console.error Date.now Math.floor",
	links:    "net.connect net.createConnection net.Socket.connect tls.connect .connect",
	watches:  "clipboardy.read clipboardy.readSync screenshot-desktop navigator.clipboard.readText electron.clipboard.readText iohook.on",
})

var scriptSources = map[string]taint.Label{
	"glob.sync": taint.Bulk, "glob": taint.Bulk, "glob.glob": taint.Bulk, "fast-glob": taint.Bulk, "fast-glob.sync": taint.Bulk, "globby": taint.Bulk, "fs.readdirSync": taint.Bulk, "fs.readdir": taint.Bulk, "fs.promises.readdir": taint.Bulk,
	"os.hostname": taint.Host, "os.userInfo": taint.Host, "os.networkInterfaces": taint.Host, "keytar.getPassword": taint.EnvSecret, "keytar.findCredentials": taint.Secret, "os.platform": 0,
}

func table(rows map[role]string) map[string]meaning {
	m := map[string]meaning{}
	for r, list := range rows {
		for w := range strings.FieldsSeq(list) {
			m[w] = meaning{role: r}
		}
	}
	return m
}

// call looks a name up: as it is written with its module, else by its last part.
func (p *program) call(full string) meaning {
	calls := scriptCalls
	if p.python {
		calls = pythonCalls
	}
	if m, ok := calls[full]; ok {
		return m
	}
	if at := strings.LastIndexByte(full, '.'); at >= 0 {
		last := full[at:]
		if m, ok := calls[last]; ok {
			return m
		}
		if p.client(full[:at]) {
			switch last {
			case ".post", ".put", ".patch":
				return meaning{role: sends}
			case ".get", ".request", ".fetch", ".stream":
				return meaning{role: fetches}
			case ".send":
				return meaning{role: sends}
			}
		}
	}
	return meaning{}
}

// client says that a name is likely one of an HTTP client or a socket, and the program imports something for it.
func (p *program) client(receiver string) bool {
	lower := strings.ToLower(receiver)
	if at := strings.LastIndexByte(lower, '.'); at >= 0 {
		lower = lower[at+1:]
	}
	for _, w := range []string{"session", "client", "http", "axios", "sock", "conn", "requests", "s", "transport", "fetcher"} {
		if lower == w || len(w) > 1 && strings.HasSuffix(lower, w) {
			for _, m := range []string{"requests", "httpx", "aiohttp", "socket", "urllib3", "http", "https", "net", "axios", "websockets", "paramiko", "tls", "websocket", "undici", "nodemailer", "ws"} {
				if p.imports[m] {
					return true
				}
			}
		}
	}
	return false
}
