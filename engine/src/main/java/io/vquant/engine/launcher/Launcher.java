package io.vquant.engine.launcher;

/** Entry point of the jar. */
public final class Launcher {
  private Launcher() {}

  public static void main(String[] args) {
    System.err.println(args.length);
  }
}
