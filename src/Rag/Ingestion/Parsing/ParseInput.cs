namespace Rag.Ingestion.Parsing;

/// <summary>What a format's parser is given; it returns a document or throws <see cref="ParseException"/>.</summary>
/// <param name="Depth">0 for a file; 1 for an attachment of a message, which brings no attachments of its own.</param>
internal sealed record ParseInput(string Name, ReadOnlyMemory<byte> Content, FileType Type, int MaxTextChars, int Depth = 0)
{
    public ReadOnlySpan<byte> Span => Content.Span;

    public ParsedTextBuilder Builder() => new(MaxTextChars);

    /// <summary>The bytes as an array, without a copy where the memory is a whole array already.</summary>
    public byte[] ToArray() =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(Content, out var segment) && segment.Array is { } array && segment.Offset == 0 && segment.Count == array.Length
            ? array
            : Content.ToArray();
}
