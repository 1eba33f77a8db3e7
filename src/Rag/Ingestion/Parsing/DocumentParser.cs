using System.Globalization;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Bytes and a name to a document, within the bounds of <see cref="ParsingOptions"/>. Formats that the product reads
/// itself, in one pass and in memory proportional to the file, are parsed in this process; all others in a process
/// of their own whose time and memory are bounded.
/// </summary>
internal sealed class DocumentParser(ParsingOptions options, TimeProvider time) : IAsyncDisposable
{
    // A small value in JSON or CSV takes tens of times its bytes while it is read.
    private const int MaxBytesHere = 8_000_000;

    private readonly ParserPool _pool = new(options, time);

    /// <exception cref="ParseException">Every failure of the file, with its reason.</exception>
    public Task<ParsedDocument> ParseAsync(string name, ReadOnlyMemory<byte> content, CancellationToken ct) =>
        ParseAsync(name, content, FileTypes.Detect(name, content.Span), ct);

    /// <summary>The same for a file whose type is known.</summary>
    public async Task<ParsedDocument> ParseAsync(string name, ReadOnlyMemory<byte> content, FileType type, CancellationToken ct)
    {
        if (content.Length > options.MaxFileBytes)
            throw new ParseException("too_large", string.Create(CultureInfo.InvariantCulture, $"the file has {content.Length / 1e6:0.#} MB; at most {options.MaxFileBytes / 1e6:0.#} MB are read. Split it."));
        return await Task.Run(() => ParseHere(name, content, type), ct) ?? await _pool.ParseAsync(name, content, ct);
    }

    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    /// <summary>The document, or null where it takes a process of its own to read it safely.</summary>
    private ParsedDocument? ParseHere(string name, ReadOnlyMemory<byte> content, FileType type)
    {
        if (FormatParser.Refusal(type) is { } refusal) throw refusal;
        bool here = content.Length <= MaxBytesHere && type.Format is (FileFormat.PlainText or FileFormat.Csv or FileFormat.Json or FileFormat.JsonLines);
        return here ? FormatParser.Parse(new(name, content, type, options.MaxTextChars)) : null;
    }
}
