// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Answers every request, once its body is read.
require('http').createServer((request, response) => {
  request.resume().on('end', () => response.end('fine\n'));
}).listen(Number(process.argv[2]), '127.0.0.1');
