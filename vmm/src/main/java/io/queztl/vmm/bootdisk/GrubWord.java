package io.queztl.vmm.bootdisk;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A word of a GRUB script: pieces of text and variables.
 *
 * @param line where it is, from 1 on
 */
record GrubWord(List<Piece> pieces, int line) {
    /**
     * A piece of a word.
     *
     * @param text itself, or a variable's name
     * @param quoted whether it is in quotation marks: then it stays one word whatever it is
     */
    record Piece(String text, boolean variable, boolean quoted) {}

    /** The word if it has no quotation marks and no variables, else "". */
    String bare() {
        StringBuilder text = new StringBuilder();
        for (Piece piece : pieces) {
            if (piece.variable || piece.quoted) {
                return "";
            }
            text.append(piece.text);
        }
        return text.toString();
    }

    /**
     * What it is once variables have values: variables without quotation marks may give any number.
     */
    List<String> expand(UnaryOperator<String> variables) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean open = false;
        for (Piece piece : pieces) {
            String text = piece.variable ? variables.apply(piece.text) : piece.text;
            if (!piece.variable || piece.quoted) {
                word.append(text);
                open = true;
                continue;
            }
            String[] parts = text.split("[ \t\n]+", -1);
            for (int i = 0; i < parts.length; i++) {
                if (i > 0 && open) {
                    words.add(word.toString());
                    word.setLength(0);
                    open = false;
                }
                word.append(parts[i]);
                open |= !parts[i].isEmpty();
            }
        }
        if (open) {
            words.add(word.toString());
        }
        return words;
    }
}
