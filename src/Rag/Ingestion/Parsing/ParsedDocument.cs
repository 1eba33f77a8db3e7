namespace Rag.Ingestion.Parsing;

internal enum BlockKind : byte
{
    Heading,
    Paragraph,
    ListItem,
    TableRow,
    Code,
}

/// <summary>
/// A piece of a document's structure. <paramref name="Start"/> and <paramref name="End"/> are offsets into the
/// extracted text in UTF-16 code units, end exclusive.
/// </summary>
/// <param name="Level">Heading level from 1; nesting depth of a list item from 0; otherwise 0.</param>
/// <param name="Group">Blocks of one list or one table share a number greater than 0; otherwise 0.</param>
/// <param name="Page">Page, slide or sheet number from 1, where the format has them.</param>
internal readonly record struct TextBlock(BlockKind Kind, int Start, int End, int Level = 0, int Group = 0, int? Page = null)
{
    public int Length => End - Start;
}

/// <summary>
/// What a parser makes of a file. <see cref="Text"/> is the extracted text that every span of the product points
/// into: valid UTF-16, lines ended by \n, no other control character than \n and \t. <see cref="Blocks"/> are in
/// reading order, do not overlap, and are not empty.
/// </summary>
internal sealed record ParsedDocument(
    string Title,
    string MediaType,
    string Text,
    IReadOnlyList<TextBlock> Blocks,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>What the file holds and shows nobody, for whoever looks for attacks; bounded, and no part of <see cref="Text"/> unless it is read as such.</summary>
    public IReadOnlyList<HiddenText> Hidden { get; init; } = [];
}

/// <param name="How"><c>folded</c>: left out for everybody, as menus are. <c>marks</c>: characters that are not seen. Otherwise the way in which it is hidden from the eye alone.</param>
internal sealed record HiddenText(string How, string Text)
{
    public const string Folded = "folded", Marks = "marks", Invisible = "invisible", NoSize = "no size", NoColour = "no contrast", OffPage = "off the page";
}
