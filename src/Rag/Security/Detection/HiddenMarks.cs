using System.Text;

namespace Rag.Security.Detection;

/// <summary>
/// Characters that are in a text and are not seen. A few are ordinary: joiners in emoji and in Persian or Indic words, soft
/// hyphens, a mark at the start of a file, the tags in flags of regions. Runs of them, and the invisible copy of ASCII
/// (U+E0000 to U+E007F), carry a message past the reader; an override of direction shows another text than there is.
/// </summary>
internal static class HiddenMarks
{
    private const int MinRun = 8, MinTags = 4, BlackFlag = 0x1F3F4;

    public static bool IsInvisible(int code) => code is 0xAD or 0x34F or 0x061C or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or 0x180E or (>= 0x200B and <= 0x200F) or (>= 0x202A and <= 0x202E)
        or (>= 0x2060 and <= 0x2064) or (>= 0x2066 and <= 0x206F) or 0x3164 or 0xFEFF or 0xFFA0 or (>= 0xE0000 and <= 0xE007F) or (>= 0xE0100 and <= 0xE01EF);

    /// <summary>How much of a hidden message there is: <see cref="Sign.Alarm"/> where it cannot be anything else.</summary>
    public static int Weigh(string text)
    {
        if (Ascii.IsValid(text)) return 0;
        int run = 0, longest = 0, tags = 0, overrides = 0, open = 0;
        bool flag = false;
        foreach (var rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            flag = c == BlackFlag || (flag && c is >= 0xE0020 and <= 0xE007F);
            if (c is >= 0xE0020 and <= 0xE007E && !flag) tags++;
            if (c is 0x202D or 0x202E) (overrides, open) = (overrides + 1, open + 1);
            else if (c == 0x202C && open > 0) open--;
            // Joiners stand between letters; a row of nothing but marks stands for something else.
            run = IsInvisible(c) && !flag && c != 0xAD ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }
        if (tags >= MinTags || longest >= MinRun) return Sign.Alarm;
        return open > 0 ? Sign.Alarm : overrides > 0 ? 3 : 0;
    }
}
