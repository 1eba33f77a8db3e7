namespace Rag.Bench.Verify.Protect;

/// <summary>What the audit record proves, and costs.</summary>
internal static class AuditChecks
{
    public static IEnumerable<Check> All()
    {
        yield return new("audit-tamper", "changes to the signed audit record, made with all rights of its database, that verification did not find", Relation.AtMost, 0, AuditTamperCheck.MeasureAsync);
        yield return new("audit-vectors", "mismatches with the hashes and proofs that implementations of RFC 6962 share, and of other programs with our checkpoints and proofs", Relation.AtMost, 0, AuditVectorCheck.MeasureAsync);
        yield return new("audit-cost", "requests/s of a cached answer with what is shown noted for the audit record, against without", Relation.AtLeast, 0.9, async (context, ct) =>
        {
            var result = await CachedBench.RunAuditAsync(context.Quick, ct);
            if (result.Detail["noted"] < 100 || result.Detail["noted_without"] > 0) throw new CannotMeasureException($"{result.Detail["noted"]} accesses were noted with auditing and {result.Detail["noted_without"]} without");
            string note = $"{result.Ours} against {result.Baseline} {result.Unit}; {result.Rounds} rounds from {result.RatioLow} to {result.RatioHigh}; {result.Detail["noted"]:F0} accesses are on the record";
            return new(result.Ratio!.Value, context.Quick ? note + "; smaller: fewer and shorter rounds" : note);
        });
    }
}
