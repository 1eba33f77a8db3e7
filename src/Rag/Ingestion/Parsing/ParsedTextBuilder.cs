using System.Text;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// The one way in which parsers write text, so that the promises of <see cref="ParsedDocument"/> hold for every
/// format: it cleans what is appended, separates blocks, and records their exact offsets.
/// </summary>
internal sealed class ParsedTextBuilder(int maxChars)
{
    private static readonly System.Buffers.SearchValues<char> CleanChars = System.Buffers.SearchValues.Create(
        "\n\t" + string.Concat(Enumerable.Range(0x20, 0x7F - 0x20).Concat(Enumerable.Range(0xA1, 0xAD - 0xA1)).Concat(Enumerable.Range(0xAE, 0x600 - 0xAE)).Select(c => (char)c)) + "‘’“”–—…•");

    private const int MaxHidden = 50, MaxHiddenChars = 1_000, MinMarks = 4;

    private readonly StringBuilder _text = new();
    private readonly List<HiddenText> _hidden = [];
    private readonly List<TextBlock> _blocks = [];
    private int _groups;

    /// <summary>Page, slide or sheet that the next blocks stand on; null where the format has none.</summary>
    public int? Page { get; set; }

    public bool IsEmpty => _blocks.Count == 0;

    /// <summary>A new number for <see cref="TextBlock.Group"/>: one per list or table.</summary>
    public int NewGroup() => ++_groups;

    /// <summary>Notes text that the file holds and its reader does not see. It is not added to the text by this.</summary>
    public void Hide(string how, string text)
    {
        if (_hidden.Count >= MaxHidden || string.IsNullOrWhiteSpace(text)) return;
        string bounded = text.Length <= MaxHiddenChars ? text : text[..MaxHiddenChars];
        // Marks are cleaned away with the rest where they are not what is noted.
        _hidden.Add(new(how, how == HiddenText.Marks ? bounded : Collapse(Clean(bounded))));
    }

    public void Heading(int level, string text) => Add(BlockKind.Heading, Collapse(text), Math.Clamp(level, 1, 9), 0);

    public void Paragraph(string text) => Add(BlockKind.Paragraph, text, 0, 0);

    /// <param name="marker">What stands before the item, such as "- " or "3. ".</param>
    public void ListItem(int group, int depth, string marker, string text)
    {
        string item = Collapse(Clean(text));
        if (item.Length > 0) Add(BlockKind.ListItem, marker + item, Math.Clamp(depth, 0, 20), group);
    }

    /// <summary>Cells joined by " | "; empty trailing cells are left out, and a row of empty cells is no row.</summary>
    public void TableRow(int group, IEnumerable<string> cells)
    {
        var row = cells.Select(c => Collapse(Clean(c))).ToList();
        while (row.Count > 0 && row[^1].Length == 0) row.RemoveAt(row.Count - 1);
        if (row.Count > 0) Add(BlockKind.TableRow, string.Join(" | ", row), 0, group);
    }

    /// <summary>Kept as it stands, line by line and blank for blank.</summary>
    public void Code(string text) => Add(BlockKind.Code, text, 0, 0);

    /// <summary>Adds the blocks of another document after these, such as an attachment's after its message.</summary>
    /// <param name="under">The heading level that the other document's headings stand below.</param>
    public void Include(ParsedDocument document, int under)
    {
        int groups = _groups;
        foreach (var hidden in document.Hidden) Hide(hidden.How, hidden.Text);
        foreach (var block in document.Blocks)
        {
            _groups = Math.Max(_groups, groups + block.Group);
            int level = block.Kind == BlockKind.Heading ? Math.Min(block.Level + under, 9) : block.Level;
            Add(block.Kind, document.Text[block.Start..block.End], level, block.Group == 0 ? 0 : groups + block.Group);
        }
    }

    public ParsedDocument Build(string? title, string mediaType, IReadOnlyDictionary<string, string>? metadata = null)
    {
        string text = _text.ToString();
        string name = Collapse(title ?? "");
        if (name.Length == 0)
        {
            var heading = _blocks.FirstOrDefault(b => b.Kind == BlockKind.Heading);
            if (heading.Length > 0) name = text[heading.Start..heading.End];
        }
        return new(Clean(name), mediaType, text, _blocks, metadata ?? new Dictionary<string, string>()) { Hidden = _hidden };
    }

    private void Add(BlockKind kind, string text, int level, int group)
    {
        NoteMarks(text);
        string clean = kind == BlockKind.Code ? Clean(text).Trim('\n').TrimEnd() : Clean(text).Trim();
        if (string.IsNullOrWhiteSpace(clean)) return;
        if (_text.Length > 0)
        {
            bool sameRun = group > 0 && _blocks[^1].Group == group;
            _text.Append(sameRun ? "\n" : "\n\n");
        }
        if (_text.Length + clean.Length > maxChars)
            throw new ParseException("too_large", $"the extracted text is longer than {maxChars:N0} characters. Split the document.");
        int start = _text.Length;
        _text.Append(clean);
        _blocks.Add(new(kind, start, _text.Length, level, group, Page));
    }

    /// <summary>Cleaning takes out what is not seen; where there is much of it, or a copy of ASCII that is not seen, it was a message.</summary>
    private void NoteMarks(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(CleanChars)) return;
        int run = 0, longest = 0, tags = 0;
        bool flag = false, turned = false;
        foreach (var rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            flag = c == 0x1F3F4 || (flag && c is >= 0xE0020 and <= 0xE007F);
            if (!flag && c is >= 0xE0020 and <= 0xE007E) tags++;
            turned |= c is 0x202D or 0x202E;
            run = !flag && c is 0x180E or (>= 0x200B and <= 0x200F) or (>= 0x2060 and <= 0x2064) or 0xFEFF or (>= 0xE0100 and <= 0xE01EF) ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }
        if (tags >= MinMarks || longest >= 2 * MinMarks || turned) Hide(HiddenText.Marks, text);
    }

    /// <summary>Runs of white space to one blank, trimmed.</summary>
    public static string Collapse(string text)
    {
        if (!NeedsCollapse(text)) return text;
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!char.IsWhiteSpace(c)) result.Append(c);
            else if (result.Length > 0 && result[^1] != ' ') result.Append(' ');
        }
        if (result.Length > 0 && result[^1] == ' ') result.Length--;
        return result.ToString();
    }

    private static bool NeedsCollapse(string text)
    {
        char before = ' ';
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c) && (c != ' ' || before == ' ')) return true;
            before = c;
        }
        return before == ' ' && text.Length > 0;
    }

    /// <summary>Valid UTF-16, \n line ends, no control characters but \n and \t, no soft hyphens or zero-width marks.</summary>
    public static string Clean(string text)
    {
        // Most text is clean already: nothing but \t, \n and printable characters below U+007F, or letters.
        if (!text.AsSpan().ContainsAnyExcept(CleanChars)) return text;
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            switch (c)
            {
                case '\r':
                    if (i + 1 >= text.Length || text[i + 1] != '\n') result.Append('\n');
                    break;
                case '\u000B' or '\u000C' or '\u0085' or '\u2028' or '\u2029':
                    result.Append('\n');
                    break;
                case '\u00A0' or '\u2007' or '\u202F':
                    result.Append(' ');
                    break;
                case '\n' or '\t':
                    result.Append(c);
                    break;
                case '\u00AD' or '\u200B' or '\uFEFF' or '\u2060' or (>= '\uFFFE'):
                    break;
                default:
                    if (char.IsControl(c)) break;
                    if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                        result.Append(c).Append(text[++i]);
                    else
                        result.Append(char.IsSurrogate(c) ? '\uFFFD' : c);
                    break;
            }
        }
        return result.ToString();
    }
}
