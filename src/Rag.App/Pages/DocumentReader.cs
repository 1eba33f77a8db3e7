using Rag.Audit;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.App.Pages;

public enum PieceKind { Text, Heading, ListItem, TableRow, Code }

/// <summary>A block of a document's text; offsets as in the text, nothing but blanks between one piece and the next.</summary>
/// <param name="Level">Of headings, from 1.</param>
/// <param name="Page">Page, slide or sheet on which this stands, where it differs from what was last said; a page may begin before the first piece that says so.</param>
public sealed record TextPiece(int Start, int End, PieceKind Kind, int Level = 0, int? Page = null);

/// <summary>A stretch of a document version's text, from <paramref name="From"/> to <paramref name="To"/>, with the span to mark in it.</summary>
/// <param name="MarkEnd">Not after <paramref name="MarkStart"/> where nothing is marked.</param>
/// <param name="Language">BCP 47 tag, or empty.</param>
public sealed record DocumentExcerpt(string Text, int From, int To, int MarkStart, int MarkEnd, IReadOnlyList<TextPiece> Pieces, string Language)
{
    public bool HasMark => MarkEnd > MarkStart;
}

/// <summary>Reads the extracted text of a version and finds its structure again from the spans that the record keeps.</summary>
internal sealed class DocumentReader(Database database, DocumentRecord documents, DataAccessLog accesses)
{
    /// <summary>Beyond this the structure of a document costs more to read than it helps to show.</summary>
    private const int MaxStructuredChunks = 5_000;

    /// <summary>The part of the text that holds the span, or the part that is asked for; null where the version is not kept.</summary>
    /// <param name="at">Offset that the part must hold.</param>
    public async Task<DocumentExcerpt?> ReadAsync(Collection collection, DocumentInfo document, long version, (int Start, int End)? span, int at, int maxChars, CancellationToken ct)
    {
        if (await documents.TextAsync(document.Id, version, ct) is not { } text) return null;
        accesses.Note(new("read", collection.Id, null, null, [document.Id]));
        var mark = span is { } s && IsSpan(text, s.Start, s.End) ? s : (Start: 0, End: 0);
        var (from, to) = Window(text, mark.End > 0 ? mark.Start : Math.Clamp(at, 0, text.Length), Math.Max(mark.End, 0), maxChars);
        // Chunks are kept of the current version only; earlier ones are shown as plain paragraphs.
        var chunks = version == document.Version && document.ChunkCount <= MaxStructuredChunks ? await ChunksAsync(document.VersionNo, ct) : [];
        return new(text, from, to, mark.Start, mark.End, TextStructure.Find(text, chunks, from, to), Show.LanguageTag(collection.Language));
    }

    /// <summary>True for a stretch of the text that is not empty and cuts no character in two.</summary>
    public static bool IsSpan(string text, int start, int end) =>
        start >= 0 && start < end && end <= text.Length && !char.IsLowSurrogate(text[start]) && (end == text.Length || !char.IsLowSurrogate(text[end]));

    /// <summary>At most <paramref name="maxChars"/> characters around a place, from the beginning of a line to the end of one where lines allow it.</summary>
    internal static (int From, int To) Window(string text, int start, int end, int maxChars)
    {
        if (text.Length <= maxChars) return (0, text.Length);
        int from = Math.Max(0, start - maxChars / 4);
        if (from > 0 && text.IndexOf('\n', from - 1, start - from + 1) is >= 0 and var line) from = line + 1;
        int to = Math.Min(text.Length, Math.Max(from + maxChars, end));
        if (to < text.Length && text.LastIndexOf('\n', to - 1, to - Math.Max(start, end)) is >= 0 and var last && last >= Math.Max(start, end)) to = last + 1;
        if (from > 0 && from < text.Length && char.IsLowSurrogate(text[from])) from--;
        if (to < text.Length && char.IsLowSurrogate(text[to])) to++;
        return (from, to);
    }

    private async Task<IReadOnlyList<ChunkRow>> ChunksAsync(long versionNo, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await documents.ChunksAsync(connection, [versionNo], ct);
    }
}
