package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the launchers against what was compiled; needs no GPU, only a build by nvcc. */
class KernelImagesTest {

  @Test
  void everyEntryPointIsCompiledAndEveryCompiledOneIsKnown() {
    Set<String> asked = new TreeSet<>();
    for (Kernel kernel : Kernel.values()) {
      kernel.entries().forEach(entry -> asked.add(kernel.module() + " " + entry));
    }
    for (String code : machineCodes()) {
      Set<String> compiled =
          entries().stream()
              .filter(line -> line.split(" ", -1)[2].equals(code))
              .map(line -> line.substring(0, line.indexOf(" sm_")))
              .collect(Collectors.toCollection(TreeSet::new));
      assertThat(compiled).as(code).isEqualTo(asked);
    }
  }

  @Test
  void nothingSpills() {
    assertThat(entries()).isNotEmpty().allSatisfy(line -> assertThat(line).endsWith("spilled=0"));
  }

  @Test
  void everyImageCanBeRead() {
    KernelImages images = images();
    for (Kernel kernel : Kernel.values()) {
      assertThat(images.fatbin(kernel.module())).as(kernel.module()).isNotEmpty();
    }
    assertThat(images.toolkitMajor()).isGreaterThanOrEqualTo(13);
  }

  private static Set<String> machineCodes() {
    return entries().stream().map(line -> line.split(" ", -1)[2]).collect(Collectors.toSet());
  }

  private static List<String> entries() {
    return images().entries();
  }

  private static KernelImages images() {
    Optional<KernelImages> images = KernelImages.ofThisBuild();
    assumeTrue(images.isPresent(), "built without nvcc");
    return images.get();
  }

  @Test
  void anEntryPointIsNamedOnce() {
    List<String> names =
        Stream.of(Kernel.values()).flatMap(kernel -> kernel.entries().stream()).toList();
    assertThat(names).doesNotHaveDuplicates();
  }
}
