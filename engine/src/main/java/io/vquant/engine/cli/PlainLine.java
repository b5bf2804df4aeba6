package io.vquant.engine.cli;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads plain command lines without picocli, which spends a good part of the time to the first
 * token on finding out which options there are. Whatever is not plain (an unknown name, a mistake,
 * {@code --help}, a value that begins with a dash) it leaves to picocli, and changes nothing then.
 * So this has to know neither all options nor any message; a test holds the two against each other.
 */
final class PlainLine {
  /** The longest run of digits that every integer type holds, and that no float rounds twice. */
  private static final int MAX_DIGITS = 9;

  /** Stands for the name of the argument that belongs to no option. */
  private static final String POSITIONAL = "";

  private final Map<String, Setting> settings = new HashMap<>();
  private final Set<Setting> given = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Runnable> assignments = new ArrayList<>();

  /** One option. */
  private record Setting(Kind kind, boolean repeatable, Consumer<String> field) {}

  private enum Kind {
    FLAG,
    TEXT,
    WHOLE_NUMBER,
    NUMBER
  }

  /** The argument that belongs to no option, at most one. */
  void positional(Consumer<String> field) {
    put(new Setting(Kind.TEXT, false, field), POSITIONAL);
  }

  /** An option without a value. */
  void flag(Runnable field, String name) {
    put(new Setting(Kind.FLAG, false, _ -> field.run()), name);
  }

  /** An option with text, given at most once. */
  void text(Consumer<String> field, String... names) {
    put(new Setting(Kind.TEXT, false, field), names);
  }

  /** An option with text, given any number of times. */
  void texts(Consumer<String> field, String... names) {
    put(new Setting(Kind.TEXT, true, field), names);
  }

  /** An option with digits. */
  void wholeNumber(Consumer<String> field, String... names) {
    put(new Setting(Kind.WHOLE_NUMBER, false, field), names);
  }

  /** An option with digits, perhaps with a point among them. */
  void number(Consumer<String> field, String... names) {
    put(new Setting(Kind.NUMBER, false, field), names);
  }

  private void put(Setting setting, String... names) {
    for (String name : names) {
      settings.put(name, setting);
    }
  }

  /** All names; for the comparison with picocli. */
  Set<String> names() {
    Set<String> names = new HashSet<>(settings.keySet());
    names.remove(POSITIONAL);
    return names;
  }

  /**
   * Fills the fields, once.
   *
   * @return false if the line is not plain: no field has been touched then
   */
  boolean read(String[] args) {
    int i = 0;
    while (i < args.length) {
      int taken = take(args[i], i + 1 < args.length ? args[i + 1] : null);
      if (taken == 0) {
        return false;
      }
      i += taken;
    }
    assignments.forEach(Runnable::run);
    return true;
  }

  /** How many of the arguments were understood: 0, 1 or 2. */
  private int take(String argument, @Nullable String next) {
    if (!argument.startsWith("-")) {
      return assign(POSITIONAL, argument) ? 1 : 0;
    }
    int equals = argument.startsWith("--") ? argument.indexOf('=') : -1;
    String name = equals < 0 ? argument : argument.substring(0, equals);
    Setting setting = settings.get(name);
    boolean flag = setting != null && setting.kind == Kind.FLAG;
    if (equals >= 0) {
      return !flag && assign(name, argument.substring(equals + 1)) ? 1 : 0;
    }
    if (flag) {
      return assign(name, "set") ? 1 : 0;
    }
    return next != null && assign(name, next) ? 2 : 0;
  }

  private boolean assign(String name, String value) {
    Setting setting = settings.get(name);
    if (setting == null || value.isEmpty() || value.startsWith("-") || !fits(setting, value)) {
      return false;
    }
    assignments.add(() -> setting.field.accept(value));
    return given.add(setting) || setting.repeatable;
  }

  private static boolean fits(Setting setting, String value) {
    return switch (setting.kind) {
      case FLAG, TEXT -> true;
      case WHOLE_NUMBER -> isPlainNumber(value, false);
      case NUMBER -> isPlainNumber(value, true);
    };
  }

  /** Digits without superfluous zeros before them; a point stands between two digits. */
  private static boolean isPlainNumber(String text, boolean mayHavePoint) {
    int points = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean point = mayHavePoint && c == '.' && i > 0 && i < text.length() - 1;
      if (!point && (c < '0' || c > '9')) {
        return false;
      }
      points += point ? 1 : 0;
    }
    boolean superfluousZero = text.length() > 1 && text.charAt(0) == '0' && text.charAt(1) != '.';
    return points <= 1 && !superfluousZero && text.length() <= MAX_DIGITS;
  }
}
