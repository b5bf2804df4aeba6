package io.vquant.engine.launcher;

import java.lang.reflect.InvocationTargetException;

/**
 * Main class of the jar. Starts the engine in a process of its own, under a Java that can run it
 * and with the options that it needs (a small heap, kernels compiled early, classes from an
 * archive), and hands on signals and the exit code. In that process it opens the Vector API and
 * calls the command line.
 *
 * <p>{@code -Dvquant.launcher=off} runs the engine in the first process instead, for debuggers and
 * profilers.
 */
public final class Launcher {
  static final int OLDEST_JAVA = 25;
  private static final int EXIT_BUG = 1;
  private static final int EXIT_CANNOT_RUN_HERE = 6;
  private static final String SWITCH = "vquant.launcher";
  private static final String MAIN_CLASS = "io.vquant.engine.cli.Main";

  private Launcher() {}

  public static void main(String[] args) throws Throwable {
    String system = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    if (!system.equals("Linux on amd64")) {
      giveUp("this is " + system + ": the engine runs on Linux on x86-64 only");
    }
    ParentProcess.watch();
    boolean capable = Runtime.version().feature() >= OLDEST_JAVA;
    if (ParentProcess.exists() || (capable && "off".equals(System.getProperty(SWITCH)))) {
      runHere(args);
    } else {
      JavaInstallation java = capable ? JavaInstallation.ofThisProcess() : newerJava();
      CommandBytes command = CommandBytes.ofThisProcess(args.length);
      System.exit(new EngineProcess(java, command, args).run());
    }
  }

  private static void runHere(String[] args) throws Throwable {
    if (!VectorModule.open()) {
      giveUp("Java " + Runtime.version() + " has no usable module " + VectorModule.NAME);
    }
    callMain(ParentProcess.arguments(args));
  }

  private static JavaInstallation newerJava() {
    JavaInstallation found = JavaFinder.ofThisMachine(VectorModule.NAME).find(OLDEST_JAVA);
    if (found == null) {
      giveUp(
          String.format(
              "Java %d or newer is needed, this is Java %s and no newer one was found: install one"
                  + " (https://adoptium.net, or your system's openjdk-%d package) or set"
                  + " VQUANT_JAVA_HOME to its folder",
              OLDEST_JAVA, System.getProperty("java.version"), OLDEST_JAVA));
    }
    return found;
  }

  private static void callMain(String[] args) throws Throwable {
    try {
      Class.forName(MAIN_CLASS).getMethod("main", String[].class).invoke(null, (Object) args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    } catch (ClassNotFoundException e) {
      System.err.println("vquant: the jar is damaged: it holds no " + MAIN_CLASS);
      System.exit(EXIT_BUG);
    }
  }

  private static void giveUp(String reason) {
    System.err.println("vquant: " + reason);
    System.exit(EXIT_CANNOT_RUN_HERE);
  }
}
