using System.Data.Common;
using Rag.Answering;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.App.Pages;

/// <summary>Opens a source of an answer in its document, for the panel beside the answer.</summary>
internal sealed class SourceReader(Library library, DocumentReader reader, RecordState state)
{
    private const int MaxPanelChars = 8_000;

    /// <param name="chosen">Number of the source, as an address has it; the first where it is none.</param>
    /// <returns>The number, 0 where the answer has no source, and its view.</returns>
    public async Task<(int Number, SourceView? View)> ViewAsync(Answer answer, string? chosen, CancellationToken ct)
    {
        if (answer.Sources.Count == 0) return (0, null);
        int number = int.TryParse(chosen, out int n) && n >= 1 && n <= answer.Sources.Count ? n : 1;
        return (number, await ViewAsync(answer.Sources[number - 1], answer.Collection, ct));
    }

    /// <summary>A record that is away, or a document that went meanwhile, leaves the quote.</summary>
    private async Task<SourceView> ViewAsync(AnswerSource source, string name, CancellationToken ct)
    {
        var quoted = new SourceView(source, Show.DocumentUrl(name, source.Document, source.Version, source.Start, source.End), null);
        if (state.Away) return quoted;
        try
        {
            if (await library.FindAsync(name, ct) is not { } collection) return quoted;
            var document = await library.GetAsync(collection, source.Document, ct);
            library.Shown("read", collection, document);
            return quoted with { Excerpt = await reader.ReadAsync(collection, document, source.Version, (source.Start, source.End), source.Start, MaxPanelChars, ct) };
        }
        catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable or ErrorKind.NotFound } or DbException)
        {
            return quoted;
        }
    }
}
