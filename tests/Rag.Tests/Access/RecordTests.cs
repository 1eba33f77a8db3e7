using Dapper;
using Rag.Access;
using Rag.Audit;
using Rag.Storage;
using static Rag.Tests.TestService;

namespace Rag.Tests.Access;

/// <summary>What this slice puts on the audit record.</summary>
public sealed class RecordTests
{
    public static TheoryData<Engine> Engines => new(Engine.Sqlite, Engine.Postgres);

    [Theory, MemberData(nameof(Engines))]
    public async Task Keys_grants_and_sessions_are_on_the_record_by_whoever_made_them(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var ada = Caller.Local("ada");
        var key = await AccessTestService.AsAsync(ada, () => service.KeyAsync("reader"));
        await AccessTestService.AsAsync(ada, () => service.Get<ApiKeys>().RotateAsync(key.Key.Id, new("1h"), Cancel));
        var grant = await AccessTestService.AsAsync(ada, () => service.Get<Grants>().AddAsync(new("user", "bob", "auditor"), Cancel));
        await AccessTestService.AsAsync(ada, () => service.Get<Grants>().RemoveAsync(grant.Grant.Id, Cancel));
        var caller = service.Open(key.Secret)!;
        string token = await AccessTestService.AsAsync(caller, () => service.Get<Sessions>().BeginAsync(caller, Cancel));
        await AccessTestService.AsAsync(caller, () => service.Get<Sessions>().EndAsync(token, caller, Cancel));
        await AccessTestService.AsAsync(ada, () => service.Get<ApiKeys>().RevokeAsync(key.Key.Id, Cancel));
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        var lines = (await connection.QueryAsync<(string Category, string Action, string Owner)>(
            "SELECT r.category, r.action, s.owner FROM audit_records r JOIN audit_subjects s ON s.id = r.subject WHERE r.category IN ('permission_change', 'sign_in') ORDER BY r.at, r.id")).Select(l => $"{l.Category} {l.Action} {l.Owner}").ToList();
        lines.ShouldBe(
        [
            "permission_change key.create local:ada", "permission_change grant.add local:ada", "permission_change key.rotate local:ada", "permission_change grant.add local:ada", "permission_change grant.remove local:ada",
            $"sign_in session.begin key:{key.Key.Id}", $"sign_in session.end key:{key.Key.Id}", "permission_change key.revoke local:ada",
        ]);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task The_same_refusal_again_and_again_is_one_line(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var refusals = service.Get<Refusals>();
        for (int i = 0; i < 1_000; i++) refusals.Note(AuditCategory.Refusal, "access.unauthenticated", "service:http", Caller.Anonymous("192.0.2.1"));
        // Addresses are many; what is kept of them is not.
        for (int i = 0; i < 5_000; i++) refusals.Note(AuditCategory.Refusal, "access.anonymous", "service:http", Caller.Anonymous($"198.51.{i / 250}.{i % 250}"));
        await refusals.FlushAsync(Cancel);
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE category = 'refusal' AND action = 'access.unauthenticated'")).ShouldBe(1);
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE category = 'refusal'")).ShouldBeLessThanOrEqualTo(2_001);
    }
}
