package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values given to a function. */
record Arguments(List<Object> positional, Map<String, Object> keywords) {
  /** Stands for a parameter that got no value; None is a value. */
  private enum Absent {
    ABSENT
  }

  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /**
   * Assigns the values to parameters.
   *
   * @param numRequired how many of the first parameters must be given
   */
  Bound bind(Execution execution, String function, int numRequired, String... parameters) {
    if (positional.size() > parameters.length) {
      throw execution.failure(
          function
              + "() takes at most "
              + parameters.length
              + " arguments "
              + Arrays.toString(parameters)
              + ", "
              + positional.size()
              + " given");
    }
    List<Object> values = new ArrayList<>(Collections.nCopies(parameters.length, Absent.ABSENT));
    for (int i = 0; i < positional.size(); i++) {
      values.set(i, positional.get(i));
    }
    keywords.forEach((name, value) -> {
      int i = Arrays.asList(parameters).indexOf(name);
      if (i < 0 || !(values.get(i) instanceof Absent)) {
        String problem = i < 0 ? "() has no parameter '" : "() got two values for '";
        throw execution.failure(
            function + problem + name + "', it takes " + Arrays.toString(parameters));
      }
      values.set(i, value);
    });
    int missing = values.indexOf(Absent.ABSENT);
    if (missing >= 0 && missing < numRequired) {
      throw execution.failure(function + "() needs its argument '" + parameters[missing] + "'");
    }
    return new Bound(execution, function, List.of(parameters), values);
  }

  /** Values by parameter. */
  record Bound(Execution execution, String function, List<String> parameters, List<Object> values) {
    boolean has(int index) {
      return !(values.get(index) instanceof Absent);
    }

    /** Given, and not None. */
    boolean hasValue(int index) {
      return has(index) && values.get(index) != null;
    }

    @Nullable Object get(int index) {
      return has(index) ? values.get(index) : null;
    }

    @Nullable Object get(int index, @Nullable Object fallback) {
      return has(index) ? values.get(index) : fallback;
    }

    boolean flag(int index, boolean fallback) {
      return has(index) ? Values.isTrue(execution, values.get(index)) : fallback;
    }

    TrackedText text(int index) {
      if (values.get(index) instanceof TrackedText text) {
        return text;
      }
      throw mismatch(index, "a string");
    }

    TrackedText text(int index, TrackedText fallback) {
      return has(index) ? text(index) : fallback;
    }

    /** An integer, brought into the range of int. */
    int integer(int index, int fallback) {
      if (!has(index)) {
        return fallback;
      }
      return switch (values.get(index)) {
        case Long number -> Math.clamp(number, Integer.MIN_VALUE, Integer.MAX_VALUE);
        case BigInteger number -> number.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
        case Boolean flag -> flag ? 1 : 0;
        case null, default -> throw mismatch(index, "an integer");
      };
    }

    private TemplateException mismatch(int index, String expected) {
      return execution.failure(
          function
              + "() expects "
              + expected
              + " as '"
              + parameters.get(index)
              + "', found "
              + Values.typeName(values.get(index)));
    }
  }
}
