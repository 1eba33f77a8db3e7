using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Ingestion;

/// <summary>What an ingest did, file by file; prints a line for each that failed and why, and the counts.</summary>
internal sealed class IngestSummary
{
    private readonly List<IngestedFile> _files = [];
    private readonly SortedSet<string> _waiting = new(StringComparer.Ordinal);
    private int _removed;

    public int Seen => _files.Count;

    public int Failed => Count(IngestOutcome.Failed);

    public long Position { get; set; }

    public void Add(IngestedFile file) => _files.Add(file);

    /// <summary>A replica that does not know yet who is shown the files.</summary>
    public void WaitsFor(string replica) => _waiting.Add(replica);

    public void Removed(string uri, long position)
    {
        _files.Add(new(uri, "deleted", null, null, null, null, null));
        _removed++;
        Position = Math.Max(Position, position);
    }

    public IngestResponse ToResponse() => new(_files, Position == 0 ? null : Position, WaitingFor: _waiting.Count == 0 ? null : [.. _waiting]);

    public void Print(CommandContext context)
    {
        foreach (var file in _files.Where(f => f.Status == IngestOutcome.Failed))
            context.Out.MarkupLineInterpolated($"[red]failed[/] {file.Uri}: {file.Reason}: {file.Message}");
        string removed = _removed > 0 ? $", {_removed} deleted" : "";
        context.Out.WriteLine($"{Count(IngestOutcome.Created)} created, {Count(IngestOutcome.Updated)} updated, {Count(IngestOutcome.Unchanged)} unchanged{removed}, {Failed} failed");
        if (_waiting.Count > 0) context.Out.MarkupLineInterpolated($"[yellow]Who is shown them does not hold everywhere yet: waiting for {string.Join(", ", _waiting)}.[/]");
    }

    private int Count(string status) => _files.Count(f => f.Status == status);
}
