using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// reStructuredText, the part that documentation uses: underlined titles (levels by order of appearance), literal
/// blocks, directives, lists and inline roles. Tables drawn with signs are kept as they stand, as code.
/// </summary>
internal sealed partial class RestructuredTextParser
{
    private static readonly HashSet<string> Listings = new(StringComparer.Ordinal) { "code", "code-block", "sourcecode", "console", "parsed-literal", "prompt", "literalinclude" };
    private static readonly HashSet<string> Silent = new(StringComparer.Ordinal) { "toctree", "image", "figure", "include", "contents", "index", "meta", "raw", "highlight", "only" };

    private readonly ParsedTextBuilder _builder;
    private readonly string[] _lines;
    private readonly List<char> _levels = [];

    private RestructuredTextParser(ParsedTextBuilder builder, string text) =>
        (_builder, _lines) = (builder, text.ReplaceLineEndings("\n").Split('\n').Select(l => l.TrimEnd()).ToArray());

    public static ParsedDocument Parse(ParseInput input)
    {
        var decoded = TextDecoder.Decode(input.Span);
        var builder = input.Builder();
        new RestructuredTextParser(builder, decoded.Text).Run();
        return builder.Build(null, input.Type.MediaType, new Dictionary<string, string> { ["charset"] = decoded.Charset });
    }

    private void Run()
    {
        var prose = new StringBuilder();
        for (int i = 0; i < _lines.Length;)
        {
            string line = _lines[i];
            string next = i + 1 < _lines.Length ? _lines[i + 1] : "";
            if (Uniform(line) && Line(i + 2) == line && next.Length > 0) i = Title(i + 1, prose) + 1;
            else if (line.Length > 0 && line[0] != ' ' && next.Length >= 3 && PlainTextParser.IsUnderline(next, line)) i = Title(i, prose);
            else if (line.TrimStart().StartsWith(".. ", StringComparison.Ordinal) || line.TrimStart() == "..") i = Directive(i, prose);
            else if (line.TrimStart().StartsWith("+-", StringComparison.Ordinal) || (Rule(line) && line.Contains(' '))) i = Drawn(i, prose);
            else
            {
                bool literal = line.EndsWith("::", StringComparison.Ordinal);
                // A paragraph of two colons alone only announces the listing.
                if (line.Trim() != "::") prose.Append(Inline(literal ? line[..^1] : line)).Append('\n');
                if (literal) Flush(prose);
                i++;
                if (literal) i = Literal(i, Indent(line));
            }
        }
        Flush(prose);
    }

    private string Line(int i) => i < _lines.Length ? _lines[i] : "";

    private int Title(int i, StringBuilder prose)
    {
        Flush(prose);
        char sign = Line(i + 1)[0];
        if (!_levels.Contains(sign)) _levels.Add(sign);
        _builder.Heading(_levels.IndexOf(sign) + 1, Inline(_lines[i]));
        return i + 2;
    }

    private int Directive(int i, StringBuilder prose)
    {
        Flush(prose);
        string line = _lines[i].TrimStart();
        int indent = Indent(_lines[i]);
        var match = DirectiveName().Match(line);
        string name = match.Groups[1].Value;
        int end = BlockEnd(i + 1, indent);
        // A comment or a link target is not for the reader.
        if (!match.Success || Silent.Contains(name)) return end;
        int body = i + 1;
        while (body < end && _lines[body].TrimStart().StartsWith(':')) body++;
        if (Listings.Contains(name))
        {
            _builder.Code(Dedent(body, end));
            return end;
        }
        bool admonition = name is "note" or "warning" or "tip" or "important" or "caution" or "hint";
        string label = char.ToUpperInvariant(name[0]) + name[1..] + (admonition || match.Groups[2].Length > 0 ? ": " : "");
        prose.Append(label).Append(Inline(match.Groups[2].Value)).Append(admonition && match.Groups[2].Length == 0 ? "" : "\n");
        for (int k = body; k < end; k++) _lines[k] = _lines[k].Trim();
        while (body < end && _lines[body].Length == 0) body++;
        return body;
    }

    private int Literal(int i, int indent)
    {
        while (i < _lines.Length && _lines[i].Length == 0) i++;
        if (i >= _lines.Length || Indent(_lines[i]) <= indent) return i;
        int end = BlockEnd(i, indent);
        _builder.Code(Dedent(i, end));
        return end;
    }

    private int Drawn(int i, StringBuilder prose)
    {
        Flush(prose);
        int end = i;
        while (end < _lines.Length && _lines[end].Length > 0) end++;
        _builder.Code(string.Join('\n', _lines[i..end]));
        return end;
    }

    /// <summary>The first line at or left of an indentation, after blank lines are given back.</summary>
    private int BlockEnd(int i, int indent)
    {
        int end = i;
        for (; i < _lines.Length; i++)
        {
            if (_lines[i].Length == 0) continue;
            if (Indent(_lines[i]) <= indent) break;
            end = i + 1;
        }
        return end;
    }

    private string Dedent(int from, int to)
    {
        int least = int.MaxValue;
        for (int i = from; i < to; i++) if (_lines[i].Length > 0) least = Math.Min(least, Indent(_lines[i]));
        return string.Join('\n', _lines[from..to].Select(l => l.Length > least ? l[least..] : ""));
    }

    private void Flush(StringBuilder prose)
    {
        if (prose.Length > 0) PlainTextParser.Write(prose.ToString(), _builder, softBreaks: true);
        prose.Clear();
    }

    private static int Indent(string line) => line.Length - line.TrimStart().Length;

    private static bool Rule(string line) => line.Length >= 3 && line.AsSpan().TrimStart("=-~^\"*#+ ").IsEmpty;

    private static bool Uniform(string line) => Rule(line) && line.AsSpan().Trim(line[0]).IsEmpty;

    private static string Inline(string text)
    {
        text = Role().Replace(text, m => m.Groups[1].Value);
        text = LinkMark().Replace(text, m => m.Groups[1].Value);
        text = Literals().Replace(text, m => m.Groups[1].Value);
        return Strong().Replace(text, m => m.Groups[1].Value);
    }

    [GeneratedRegex(@"^\.\. ([\w-]+)::\s*(.*)$")]
    private static partial Regex DirectiveName();

    [GeneratedRegex(@":[\w:-]+:`~?([^`<\n]+?)(?:\s*<[^`>\n]*>)?`")]
    private static partial Regex Role();

    [GeneratedRegex(@"(?<!`)`([^`<\n]+?)\s*(?:<[^`>\n]*>)?`__?")]
    private static partial Regex LinkMark();

    [GeneratedRegex(@"``([^`\n]+(?:`[^`\n]+)*)``")]
    private static partial Regex Literals();

    [GeneratedRegex(@"(?<![\w*])\*\*?([^*\s][^*\n]*?)\*\*?(?![\w*])")]
    private static partial Regex Strong();
}
