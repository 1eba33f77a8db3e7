using Microsoft.Extensions.Logging;
using Rag.Foundation;

namespace Rag.Diagnosis;

/// <summary>Asks the diagnoses of the areas that are wanted, all at once, none for longer than a minute.</summary>
internal sealed class Doctor(IEnumerable<IDiagnosis> diagnoses, ILogger<Doctor> log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Who asks while others are answered waits: a diagnosis must not be what keeps the server busy.</summary>
    private const int AtOnce = 2;

    private readonly SemaphoreSlim _turns = new(AtOnce, AtOnce);

    /// <summary>What verifying the index or reading the heap may take.</summary>
    private static readonly TimeSpan LongLimit = TimeSpan.FromMinutes(5);

    /// <summary>The request for the areas that were named; all of them, and those quickly, where none was.</summary>
    /// <exception cref="RagException">Invalid: there is no such area.</exception>
    public static DoctorRequest Request(IReadOnlyList<string>? areas, bool heap, bool verify)
    {
        var named = (areas ?? []).Distinct().ToList();
        if (named.Except(Areas.All).FirstOrDefault() is { } unknown) throw new RagException(ErrorKind.Invalid, $"There is no area '{unknown}'.", $"Choose among {string.Join(", ", Areas.All)}.");
        if (heap && !named.Contains(Areas.Memory)) named.Add(Areas.Memory);
        if (verify && !named.Contains(Areas.Index)) named.Add(Areas.Index);
        return new(named.Count > 0 ? named : Areas.All, Thorough: named.Count > 0, heap, verify);
    }

    public async Task<DoctorReport> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        await _turns.WaitAsync(ct);
        try
        {
            var found = await Task.WhenAll(diagnoses.Where(d => request.Areas.Contains(d.Area)).Select(d => LookAsync(d, request, ct)));
            return DoctorReport.Of(request.Areas, found.SelectMany(f => f));
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<IReadOnlyList<Finding>> LookAsync(IDiagnosis diagnosis, DoctorRequest request, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(request.Heap || request.Verify ? LongLimit : Limit);
        try
        {
            return await Task.Run(() => diagnosis.LookAsync(request, limit.Token), limit.Token);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // One area that cannot be looked at must not keep the others from being seen.
            log.Undiagnosed(diagnosis.Area, e);
            string why = e is OperationCanceledException ? "it took too long" : e.Message;
            var findings = new Findings(diagnosis.Area);
            findings.Warning("undiagnosed", "This could not be looked at.", why, "Whether anything is wrong here is not known.", $"rag doctor {diagnosis.Area}");
            return findings;
        }
    }
}
