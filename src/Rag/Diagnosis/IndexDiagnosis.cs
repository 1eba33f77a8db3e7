using System.Globalization;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>How far this replica's index is behind the record, what keeps it, and on request whether they agree.</summary>
internal sealed class IndexDiagnosis(IndexVerifier verifier, IIndexer indexer, ChangeLogWatch changeLog, Embedder embedder, StorageOptions storage, TimeProvider time) : IDiagnosis
{
    private const double BehindSeconds = 30;

    public string Area => Areas.Index;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        double lag = changeLog.LagSeconds(indexer.Position);
        string where = string.Create(CultureInfo.InvariantCulture, $"position {indexer.Position} of {changeLog.Position}, {lag:F0} s behind{LastCommit()}");
        if (!indexer.Ready.IsCompletedSuccessfully)
            findings.Critical("opening", "The index is not open yet.", $"{where}. {indexer.Trouble}".TrimEnd(), "This replica cannot answer until it is.", "rag index status");
        else if (indexer.Trouble is { } trouble)
            findings.Critical("trouble", "The indexer cannot go on.", $"{where}: {trouble}", "What is written now is not found on this replica.", "rag doctor database");
        if (lag > BehindSeconds)
            findings.Warning("behind", "The index is behind the record.", where, "What was written lately is not found on this replica.", "rag index status");
        if (!embedder.Available)
            findings.Notice("no_model", "There is no embedding model.", embedder.UnavailableReason ?? "", "Search is by words only.", "rag config show");
        await CountAsync(findings, where, ct);
        if (request.Verify) await VerifyAsync(findings, ct);
        if (findings.Well) findings.Ok("follows", "The index follows the record.", where);
        return findings;
    }

    private async Task CountAsync(Findings findings, string where, CancellationToken ct)
    {
        try
        {
            var status = await verifier.StatusAsync(embedder, ct);
            long pending = embedder.Available ? status.Collections.Sum(c => c.PendingChunks) : 0;
            if (pending > 0) findings.Notice("to_embed", "Vectors are still being made.", $"{pending:N0} chunks", "Until then these chunks are found by words only.", "rag index status");
        }
        catch (Exception e) when (e is RagException or System.Data.Common.DbException)
        {
            findings.Warning("record_away", "The record, which the index follows, does not answer.", $"{where}: {e.Message}", "Questions are answered from the index as it is.", "rag doctor database");
        }
    }

    private async Task VerifyAsync(Findings findings, CancellationToken ct)
    {
        var report = await verifier.VerifyAsync(ct);
        foreach (var c in report.Collections.Where(c => c.Problems.Count > 0))
            findings.Critical("differs", $"The index of collection {c.Collection} differs from the record.", string.Join("; ", c.Problems.Take(5)), "Answers may miss documents, or show deleted ones.", $"rag index rebuild --collection {c.Collection}");
        if (report.Clean) findings.Ok("verified", "The index agrees with the record.", $"{report.Collections.Count} collections, {report.Collections.Sum(c => c.IndexChunks):N0} chunks");
    }

    private string LastCommit()
    {
        string file = Path.Combine(storage.DataDirectory, "index", "position.txt");
        if (!File.Exists(file)) return "";
        return string.Create(CultureInfo.InvariantCulture, $", last committed {(time.GetUtcNow() - File.GetLastWriteTimeUtc(file)).TotalMinutes:F0} min ago");
    }
}
