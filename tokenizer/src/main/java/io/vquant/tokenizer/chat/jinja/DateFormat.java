package io.vquant.tokenizer.chat.jinja;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** {@code strftime} of a time without zone, in the C locale. */
final class DateFormat {
  private static final String UNPADDED = "-";
  private static final int STEPS_PER_FIELD = 100;

  private DateFormat() {}

  static String format(Execution execution, String format) {
    execution.chargeText(format.length());
    LocalDateTime now = LocalDateTime.now(execution.clock());
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 >= format.length()) {
        out.append(c);
        continue;
      }
      boolean unpadded = format.startsWith(UNPADDED, i + 1) && i + 2 < format.length();
      i += unpadded ? 2 : 1;
      String field = field(now, format.charAt(i));
      if (field == null) {
        throw execution.failure("strftime_now() does not know '%" + format.charAt(i) + "'");
      }
      out.append(unpadded ? withoutPadding(field) : field);
      execution.charge(STEPS_PER_FIELD);
      execution.checkText(out.length());
    }
    execution.chargeText(out.length());
    return out.toString();
  }

  private static String withoutPadding(String field) {
    int begin = 0;
    while (begin < field.length() - 1
        && (field.charAt(begin) == '0' || field.charAt(begin) == ' ')) {
      begin++;
    }
    return field.substring(begin);
  }

  private static String field(LocalDateTime now, char directive) {
    int hour12 = (now.getHour() + 11) % 12 + 1;
    int weekday = now.getDayOfWeek().getValue();
    return switch (directive) {
      case 'a' -> now.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' ->
          now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
      case 'B' -> now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'c' -> joined(now, "a", " ", "b", " ", "e", " ", "T", " ", "Y");
      case 'C' -> two(now.getYear() / 100);
      case 'd' -> two(now.getDayOfMonth());
      case 'D', 'x' -> joined(now, "m", "/", "d", "/", "y");
      case 'e' -> "%2d".formatted(now.getDayOfMonth());
      case 'f' -> "%06d".formatted(now.getNano() / 1000);
      case 'F' -> joined(now, "Y", "-", "m", "-", "d");
      case 'G' -> String.valueOf(now.get(IsoFields.WEEK_BASED_YEAR));
      case 'H' -> two(now.getHour());
      case 'I' -> two(hour12);
      case 'j' -> "%03d".formatted(now.getDayOfYear());
      case 'k' -> "%2d".formatted(now.getHour());
      case 'l' -> "%2d".formatted(hour12);
      case 'm' -> two(now.getMonthValue());
      case 'M' -> two(now.getMinute());
      case 'n' -> "\n";
      case 'p' -> now.getHour() < 12 ? "AM" : "PM";
      case 'P' -> now.getHour() < 12 ? "am" : "pm";
      case 'r' -> joined(now, "I", ":", "M", ":", "S", " ", "p");
      case 'R' -> joined(now, "H", ":", "M");
      case 'S' -> two(now.getSecond());
      case 't' -> "\t";
      case 'T', 'X' -> joined(now, "H", ":", "M", ":", "S");
      case 'u' -> String.valueOf(weekday);
      case 'U' -> two((now.getDayOfYear() + 6 - weekday % 7) / 7);
      case 'V' -> two(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'w' -> String.valueOf(weekday % 7);
      case 'W' -> two((now.getDayOfYear() + 6 - (weekday + 6) % 7) / 7);
      case 'y' -> two(now.getYear() % 100);
      case 'Y' -> String.valueOf(now.getYear());
      case 'z', 'Z' -> "";
      case '%' -> "%";
      default -> null;
    };
  }

  /** Directives, each with the text that follows it. */
  private static String joined(LocalDateTime now, String... parts) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < parts.length; i++) {
      out.append(
          i % 2 == 0 ? field(now.truncatedTo(ChronoUnit.SECONDS), parts[i].charAt(0)) : parts[i]);
    }
    return out.toString();
  }

  private static String two(int number) {
    return "%02d".formatted(number);
  }
}
