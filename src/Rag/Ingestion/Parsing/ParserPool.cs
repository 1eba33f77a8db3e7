using System.Collections.Concurrent;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Parser processes, as many as <see cref="ParsingOptions.Workers"/> at a time: started when first needed, used again,
/// replaced after a failure or after <see cref="ParsingOptions.WorkerDocuments"/> documents.
/// </summary>
internal sealed class ParserPool(ParsingOptions options, TimeProvider time) : IAsyncDisposable
{
    private readonly SemaphoreSlim _slots = new(Size(options));
    private readonly ConcurrentBag<ParserProcess> _idle = [];
    private volatile bool _closed;

    /// <exception cref="ParseException">Every failure of the file.</exception>
    public async Task<ParsedDocument> ParseAsync(string name, ReadOnlyMemory<byte> content, CancellationToken ct)
    {
        await _slots.WaitAsync(ct);
        ParserProcess? process = null;
        try
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            process = _idle.TryTake(out var idle) ? idle : ParserProcess.Start(options);
            return await process.ParseAsync(new(name, options.MaxTextChars, options.TimeoutMs), content, time, ct);
        }
        finally
        {
            if (process is not null)
            {
                if (process.IsUsable && !_closed && process.Documents < options.WorkerDocuments) _idle.Add(process);
                else await process.DisposeAsync();
            }
            _slots.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _closed = true;
        while (_idle.TryTake(out var process)) await process.DisposeAsync();
    }

    private static int Size(ParsingOptions options) =>
        options.Workers > 0 ? options.Workers : Math.Min(2, Environment.ProcessorCount);
}
