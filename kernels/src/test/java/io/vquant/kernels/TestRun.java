package io.vquant.kernels;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs test classes where there is no Maven, and prints one table; exit code 1 if one failed. */
public final class TestRun implements TestExecutionListener {
  private static final int MESSAGE_LENGTH = 600;

  private final Map<String, Map<Status, Integer>> countsByClass = new TreeMap<>();
  private final List<String> failures = new ArrayList<>();

  private TestRun() {}

  /** Runs the classes whose names are given. */
  public static void main(String[] classNames) {
    LauncherDiscoveryRequestBuilder request = LauncherDiscoveryRequestBuilder.request();
    for (String name : classNames) {
      request.selectors(selectClass(name));
    }
    TestRun run = new TestRun();
    LauncherDiscoveryRequest built = request.build();
    LauncherFactory.create().execute(built, run);
    System.exit(run.report() ? 0 : 1);
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    if (result.getStatus() == Status.FAILED) {
      String message = String.valueOf(result.getThrowable().orElse(null));
      failures.add(
          className(test)
              + " "
              + test.getDisplayName()
              + ": "
              + message.substring(0, Math.min(MESSAGE_LENGTH, message.length())));
    }
    if (test.isTest() || result.getStatus() == Status.FAILED) {
      counts(test).merge(result.getStatus(), 1, Integer::sum);
    }
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    counts(test).merge(Status.ABORTED, 1, Integer::sum);
  }

  private Map<Status, Integer> counts(TestIdentifier test) {
    return countsByClass.computeIfAbsent(className(test), name -> new EnumMap<>(Status.class));
  }

  private static String className(TestIdentifier test) {
    return test.getSource()
        .map(source ->
            source instanceof MethodSource method
                ? method.getClassName()
                : source instanceof ClassSource type ? type.getClassName() : "")
        .orElse("");
  }

  /** Prints; true if nothing failed and something ran. */
  private boolean report() {
    failures.forEach(failure -> System.out.println("FAILED " + failure));
    System.out.printf("%-70s %7s %7s %7s%n", "test class", "passed", "skipped", "failed");
    int passed = 0;
    for (Map.Entry<String, Map<Status, Integer>> entry : countsByClass.entrySet()) {
      int succeeded = entry.getValue().getOrDefault(Status.SUCCESSFUL, 0);
      System.out.printf(
          "%-70s %7d %7d %7d%n",
          entry.getKey(),
          succeeded,
          entry.getValue().getOrDefault(Status.ABORTED, 0),
          entry.getValue().getOrDefault(Status.FAILED, 0));
      passed += succeeded;
    }
    return passed > 0 && failures.isEmpty();
  }
}
