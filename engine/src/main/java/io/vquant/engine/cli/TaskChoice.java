package io.vquant.engine.cli;

import io.vquant.eval.EvalTask;
import io.vquant.eval.EvalTasks;
import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Tasks with their data, as {@code eval} is given them. */
final class TaskChoice {
  private final List<EvalTasks.Entry> entries = new ArrayList<>();
  private final Map<String, String> files = new HashMap<>();
  private @Nullable String commonFile;
  private final OptionalInt examples;

  /**
   * Checks the names.
   *
   * @throws CommandFailure if there is no such task, or a task comes twice or has no data
   */
  TaskChoice(List<String> names, List<String> data, OptionalInt examples) {
    this.examples = examples;
    for (String name : names) {
      EvalTasks.Entry entry = find("--tasks", name);
      if (entries.contains(entry)) {
        throw CommandFailure.usage("--tasks: '" + name + "' comes twice");
      }
      if (examples.isPresent() && entry.fewShot().isEmpty()) {
        throw CommandFailure.usage(
            "--num-fewshot: task '" + name + "' knows no examples; ask it apart from the others");
      }
      entries.add(entry);
    }
    data.forEach(this::addData);
    for (EvalTasks.Entry entry : entries) {
      if (file(entry) == null) {
        throw CommandFailure.usage(
            "task '" + entry.name() + "' has no data: give --data " + entry.name() + "=FILE");
      }
    }
  }

  private static EvalTasks.Entry find(String option, String name) {
    return EvalTasks.find(name)
        .orElseThrow(() ->
            CommandFailure.usage(
                option
                    + ": unknown task '"
                    + name
                    + "': "
                    + Suggestion.of(name, EvalTasks.names())));
  }

  /** Takes {@code TASK=FILE} or {@code FILE}; a name before = that has a separator is a path. */
  private void addData(String given) {
    int equals = given.indexOf('=');
    String name = equals < 0 ? "" : given.substring(0, equals);
    if (equals < 0 || name.contains("/") || name.contains(".")) {
      if (commonFile != null) {
        throw CommandFailure.usage("--data " + given + ": one file is for all tasks already");
      }
      commonFile = given;
      return;
    }
    EvalTasks.Entry entry = find("--data", name);
    if (!entries.contains(entry)) {
      throw CommandFailure.usage("--data " + given + ": task '" + name + "' is not asked");
    }
    if (files.put(name, given.substring(equals + 1)) != null) {
      throw CommandFailure.usage("--data: '" + name + "' comes twice");
    }
  }

  private @Nullable String file(EvalTasks.Entry entry) {
    return files.getOrDefault(entry.name(), commonFile);
  }

  /**
   * Reads the data of all.
   *
   * @throws CommandFailure if a file cannot be read, or is not of its task's form
   */
  List<EvalTask> open(InputStream stdin) {
    List<EvalTask> tasks = new ArrayList<>();
    for (EvalTasks.Entry entry : entries) {
      String file = String.valueOf(file(entry));
      TaskData data = new TaskData(file, InputText.ofDocument(file, stdin));
      try {
        tasks.add(entry.open(data, examples));
      } catch (MalformedTaskDataException e) {
        throw CommandFailure.badInput("task " + entry.name() + ": " + e.getMessage(), e);
      }
    }
    return tasks;
  }
}
