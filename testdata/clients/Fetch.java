// SPDX-License-Identifier: Apache-2.0

// Prints what a server answers, as often as it is told to and with seconds between: Fetch URL TIMES SECONDS. Java's library keeps
// addresses for half a minute, whatever their time to live.

import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;

public class Fetch {
	public static void main(String[] args) throws Exception {
		System.setProperty("http.keepAlive", "false");
		for (int i = Integer.parseInt(args[1]); i > 0; i--) {
			URLConnection c = new URL(args[0]).openConnection();
			try (InputStream body = c.getInputStream()) {
				body.transferTo(System.out);
			}
			System.out.flush();
			if (i > 1) {
				Thread.sleep(1000L * Integer.parseInt(args[2]));
			}
		}
	}
}
