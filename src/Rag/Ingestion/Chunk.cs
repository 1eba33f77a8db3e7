namespace Rag.Ingestion;

internal enum UnitKind : byte
{
    Sentence,
    ListItem,
    TableRow,
    Code,
    Heading,
}

/// <summary>The smallest thing that an answer quotes; offsets into the version's extracted text, UTF-16 code units, end exclusive.</summary>
/// <param name="Page">Page, slide or sheet from 1 on which it stands, where the format has them.</param>
internal readonly record struct UnitSpan(int Start, int End, UnitKind Kind, int? Page = null);

/// <summary>
/// A stretch of one document version that is embedded and searched as one.
/// </summary>
/// <param name="Ordinal">Place in the document, from 0.</param>
/// <param name="HeadingPath">Headings above it, outermost first, joined by " › "; empty where there are none.</param>
/// <param name="Context">The header row of a table that was begun in an earlier chunk; otherwise empty.</param>
/// <param name="Page">Page, slide or sheet from 1 on which it begins, where the format has them.</param>
/// <param name="Hash">SHA-256 in hexadecimal of what is embedded: title, heading path, context, text.</param>
internal sealed record Chunk(
    int Ordinal, int Start, int End, string HeadingPath, string Context, int? Page, IReadOnlyList<UnitSpan> Units, string Hash)
{
    public const string HeadingSeparator = " › ";

    /// <summary>What is embedded and put into the full-text index: the title in front, then where it stands, then the text.</summary>
    public static string SearchText(string title, string headingPath, string context, ReadOnlySpan<char> body)
    {
        string path = BelowTitle(title, headingPath);
        string head = (title.Length, path.Length) switch
        {
            (0, 0) => "",
            (_, 0) => title + "\n",
            (0, _) => path + "\n",
            _ => $"{title}\n{path}\n",
        };
        return context.Length == 0 ? string.Concat(head, body) : string.Concat(head, context, "\n", body);
    }

    /// <summary>Where a chunk stands, for people: title and headings, the title once.</summary>
    public static string Place(string title, string headingPath)
    {
        string path = BelowTitle(title, headingPath);
        return path.Length == 0 ? title : title + HeadingSeparator + path;
    }

    /// <summary>A document whose first heading is its title would otherwise say it twice.</summary>
    private static string BelowTitle(string title, string headingPath) =>
        headingPath == title ? ""
        : headingPath.StartsWith(title + HeadingSeparator, StringComparison.Ordinal) ? headingPath[(title.Length + HeadingSeparator.Length)..]
        : headingPath;
}
