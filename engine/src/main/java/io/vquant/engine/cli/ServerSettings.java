package io.vquant.engine.cli;

/** What the JDK's HTTP server takes from system properties alone; a user's own settings win. */
final class ServerSettings {
  private ServerSettings() {}

  static void apply() {
    set("sun.net.httpserver.nodelay", "true"); // tokens are small packets
    set("sun.net.httpserver.maxReqTime", "60"); // seconds for a request to arrive whole
    set("sun.net.httpserver.maxReqHeaders", "100");
    set("jdk.httpserver.maxConnections", "1024");
  }

  private static void set(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
