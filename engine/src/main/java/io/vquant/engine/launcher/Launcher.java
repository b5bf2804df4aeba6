package io.vquant.engine.launcher;

import java.lang.reflect.InvocationTargetException;
import java.util.List;

/**
 * Main class of the jar. On a Java that can run the engine it opens the Vector API and calls the
 * command line in this process; on an older one it finds a newer one and starts it with the same
 * arguments, handing on signals and the exit code.
 */
public final class Launcher {
  static final int OLDEST_JAVA = 25;
  private static final int EXIT_BUG = 1;
  private static final int EXIT_CANNOT_RUN_HERE = 6;
  private static final String MAIN_CLASS = "io.vquant.engine.cli.Main";

  private Launcher() {}

  public static void main(String[] args) throws Throwable {
    String system = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    if (!system.equals("Linux on amd64")) {
      giveUp("this is " + system + ": the engine runs on Linux on x86-64 only");
    }
    CommandBytes command = CommandBytes.ofThisProcess(args.length);
    ParentProcess.watch();
    int java = Runtime.version().feature();
    if (java < OLDEST_JAVA) {
      runIn(newerJava(), command, args, List.of());
    } else if (command.isUnreadableHere() && !ParentProcess.exists()) {
      runIn(thisJava(), command, args, List.of());
    } else if (VectorModule.open()) {
      callMain(ParentProcess.arguments(args));
    } else if (!VectorModule.isGivenAsOption()) {
      // Once more with the jar's manifest in force; only then in the way that prints a warning.
      boolean again = ParentProcess.exists();
      runIn(
          thisJava(),
          command,
          args,
          again ? List.of("--add-modules=" + VectorModule.NAME) : List.of());
    } else {
      giveUp("Java " + Runtime.version() + " has no usable module " + VectorModule.NAME);
    }
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

  private static JavaInstallation thisJava() {
    return JavaInstallation.ofThisProcess();
  }

  private static void runIn(
      JavaInstallation java, CommandBytes command, String[] args, List<String> extraOptions)
      throws Exception {
    System.exit(new EngineProcess(java, command, extraOptions).run(args));
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
