package io.queztl.vmm.bootdisk;

import java.util.List;

/** A statement of a GRUB script. */
sealed interface GrubStatement {
    /** A command, or the call of a function. */
    record Command(List<GrubWord> words) implements GrubStatement {}

    /**
     * A condition.
     *
     * @param cases to try one after the other
     * @param otherwise if none is true
     */
    record Condition(List<Case> cases, List<GrubStatement> otherwise) implements GrubStatement {}

    /** What to do if the last statement of the test is true. */
    record Case(List<GrubStatement> test, List<GrubStatement> body) {}

    /**
     * An entry of the menu.
     *
     * @param submenu whether it has entries rather than commands
     * @param words title and options
     */
    record Entry(boolean submenu, List<GrubWord> words, List<GrubStatement> body)
            implements GrubStatement {}

    /** The definition of a function. */
    record Function(String name, List<GrubStatement> body) implements GrubStatement {}

    /** A loop, which is not run. */
    record Loop() implements GrubStatement {}
}
