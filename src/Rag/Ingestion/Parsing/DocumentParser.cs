using System.Globalization;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Bytes and a name to a document, within the bounds of <see cref="ParsingOptions"/>. Formats that the product reads
/// itself, in one pass and in memory proportional to the file, are parsed in this process; all others in a process
/// of their own whose time and memory are bounded.
/// </summary>
internal sealed class DocumentParser(ParsingOptions options, TimeProvider time) : IAsyncDisposable
{
    private readonly ParserPool _pool = new(options, time);

    /// <exception cref="ParseException">Every failure of the file, with its reason.</exception>
    public async Task<ParsedDocument> ParseAsync(string name, ReadOnlyMemory<byte> content, CancellationToken ct)
    {
        if (content.Length > options.MaxFileBytes)
            throw new ParseException("too_large", string.Create(CultureInfo.InvariantCulture, $"the file has {content.Length / 1e6:0.#} MB; at most {options.MaxFileBytes / 1e6:0.#} MB are read. Split it."));
        var type = FileTypes.Detect(name, content.Span);
        if (FormatParser.Refusal(type) is { } refusal) throw refusal;
        if (!IsLinear(type.Format)) return await _pool.ParseAsync(name, content, ct);
        return await Task.Run(() => FormatParser.Parse(new(name, content, type, options.MaxTextChars)), ct);
    }

    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    private static bool IsLinear(FileFormat format) =>
        format is FileFormat.PlainText or FileFormat.Csv or FileFormat.Json or FileFormat.JsonLines;
}
