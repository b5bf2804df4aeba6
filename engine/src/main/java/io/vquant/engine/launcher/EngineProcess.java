package io.vquant.engine.launcher;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The engine in a second process, under another Java. It shares this one's terminal, files and
 * environment; signals that end this process are handed on, and its exit code becomes ours.
 *
 * <p>A terminal sends Ctrl-C to both processes, a {@code kill} to this one only. So on either this
 * process sends SIGTERM, which the engine treats as it treats SIGINT, and which does nothing to an
 * engine that is already ending. The chat is the exception ({@link TerminalInterrupts}).
 */
final class EngineProcess {
  private final String[] args;
  private final List<String> command = new ArrayList<>();
  private final ClassArchive archive;
  private final boolean argumentsTravelApart;
  private boolean ending;
  private Process process;

  EngineProcess(JavaInstallation java, CommandBytes own, String[] args) {
    this.args = args;
    List<String> userOptions = own.javaOptions();
    archive = ClassArchive.of(java, System.getenv());
    command.add(java.executable().toString());
    command.addAll(JvmOptions.beside(userOptions, args.length == 0 ? "" : args[0]));
    command.addAll(userOptions);
    command.add("-D" + ParentProcess.PID_PROPERTY + "=" + ProcessHandle.current().pid());
    argumentsTravelApart = own.isUnreadableHere();
  }

  /**
   * Runs the engine to its end.
   *
   * @return its exit code; 128 + the signal's number when a signal ended it
   */
  int run() throws IOException, InterruptedException {
    if (argumentsTravelApart) {
      command.add("-D" + ParentProcess.ARGUMENT_COUNT_PROPERTY + "=" + args.length);
    }
    command.addAll(archive.options(args));
    addProgram();
    if (!argumentsTravelApart) {
      command.addAll(List.of(args));
    }
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    if (!CommandBytes.isUtf8(System.getProperty("sun.jnu.encoding", ""))) {
      builder.environment().put("LC_ALL", "C.UTF-8"); // so that it can name every file
    }
    Runtime.getRuntime().addShutdownHook(new Ending());
    synchronized (this) {
      if (ending) {
        return 0; // unseen: the hook ends this process with the code of the signal
      }
      process = builder.start();
    }
    if (args.length > 0 && args[0].equals("chat")) {
      TerminalInterrupts.leaveToEngine();
    }
    int exitCode = process.waitFor();
    archive.keep(exitCode == 0);
    return exitCode;
  }

  private void addProgram() {
    String classPath = System.getProperty("java.class.path");
    if (classPath.endsWith(".jar") && classPath.indexOf(':') < 0) {
      command.add("-jar"); // the manifest opens what the launcher needs
      command.add(classPath);
    } else {
      command.add("--add-exports=java.base/jdk.internal.loader=ALL-UNNAMED");
      command.add("--add-exports=java.base/jdk.internal.module=ALL-UNNAMED");
      command.add("--enable-native-access=ALL-UNNAMED");
      command.add("-cp");
      command.add(classPath);
      command.add(Launcher.class.getName());
    }
  }

  /** Runs when this process ends, for whatever reason. A class, since lambdas load more of them. */
  private final class Ending extends Thread {
    @Override
    public void run() {
      end();
    }
  }

  private void end() {
    Process running;
    synchronized (this) {
      ending = true;
      running = process;
    }
    if (running == null || !running.isAlive()) {
      return;
    }
    running.destroy();
    try {
      Runtime.getRuntime().halt(running.waitFor());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
