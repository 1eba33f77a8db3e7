using System.Text;
using System.Text.Json;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Tests.Audit;

/// <summary>What is written on the record, in whose transaction, and who can read it, on both engines.</summary>
public sealed class AuditTrailTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<Engine> Engines => [Engine.Sqlite, Engine.Postgres];

    [Theory, MemberData(nameof(Engines))]
    public async Task A_record_is_there_with_its_action_and_gone_with_it(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var (audit, database) = (service.Get<AuditTrail>(), service.Get<Database>());
        Actor.Become(new("user", "u-1", "somebody", "192.0.2.7"));
        await database.WriteAsync(tx => audit.AppendAsync(tx, AuditEvent.Administrative("thing.put", "thing:one")), Cancel);
        await Should.ThrowAsync<InvalidOperationException>(() => database.WriteAsync(async tx =>
        {
            await audit.AppendAsync(tx, AuditEvent.Administrative("thing.put", "thing:two"));
            throw new InvalidOperationException();
        }, Cancel));
        await using var connection = await database.OpenAsync(Cancel);
        (await connection.QueryAsync<string>("SELECT resource FROM audit_records WHERE action = 'thing.put'")).ShouldBe(["thing:one"]);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task The_event_is_sealed_and_opens_with_the_subjects_key_alone(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var keys = service.Get<AuditKeys>();
        Actor.Become(new("user", "u-2", "Somebody Else", "192.0.2.8"));
        await service.Get<AuditTrail>().RecordAsync(AuditEvent.Administrative("thing.delete", "thing:one", new Dictionary<string, string> { ["why"] = "because of a secret reason" }), Cancel);
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        var (bytes, mac, subject) = await connection.QuerySingleAsync<(byte[], byte[], string)>("SELECT envelope, mac, subject FROM audit_records WHERE action = 'thing.delete'");
        var wrapped = await connection.ExecuteScalarAsync<byte[]>("SELECT wrapped_key FROM audit_subjects WHERE id = @subject", new { subject });
        Encoding.UTF8.GetString(bytes).ShouldNotContain("Somebody");
        keys.MacFits(bytes, mac).ShouldBeTrue();
        var envelope = Envelope.Parse(bytes).ShouldNotBeNull();
        byte[] key = keys.Unwrap(subject, wrapped).ShouldNotBeNull();
        var ocsf = JsonDocument.Parse(envelope.Open(Envelope.RecordKey(key, envelope.Id)).ShouldNotBeNull()).RootElement;
        ocsf.GetProperty("class_uid").GetInt32().ShouldBe(6003);
        ocsf.GetProperty("type_uid").GetInt32().ShouldBe(600304);
        ocsf.GetProperty("actor").GetProperty("user").GetProperty("name").GetString().ShouldBe("Somebody Else");
        ocsf.GetProperty("src_endpoint").GetProperty("ip").GetString().ShouldBe("192.0.2.8");
        ocsf.GetProperty("unmapped").GetProperty("why").GetString().ShouldBe("because of a secret reason");
        OcsfEvent.ResourceOf(ocsf).ShouldBe("thing:one");
        key[3] ^= 1;
        envelope.Open(Envelope.RecordKey(key, envelope.Id)).ShouldBeNull();
        keys.Unwrap(subject + "x", wrapped).ShouldBeNull();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task The_same_access_at_the_same_time_is_one_record_with_a_count(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var log = service.Get<DataAccessLog>();
        var windows = log.Subscribe();
        Actor.Become(new("key", "k-1", "a key"));
        var access = new DataAccess("ask", "c-1", "what is it?", "a-1", ["d-1", "d-2"]);
        for (int i = 0; i < 1_000; i++) log.Note(access);
        log.Note(new("search", "c-1", "what is it?", null, ["d-3"]));
        await log.FlushAsync(Cancel);
        var records = await EventsAsync(service, "documents.read");
        var accesses = records.SelectMany(r => r.GetProperty("unmapped").GetProperty("accesses").EnumerateArray()).ToList();
        accesses.Where(a => a.GetProperty("how").GetString() == "ask").Sum(a => a.GetProperty("count").GetInt64()).ShouldBe(1_000);
        accesses.ShouldAllBe(a => a.GetProperty("question_hash").GetString() == service.Get<AuditKeys>().QuestionHash("what is it?"));
        accesses.SelectMany(a => a.EnumerateObject()).ShouldNotContain(p => p.NameEquals("question"));
        records.Count.ShouldBeLessThanOrEqualTo(2);
        windows.TryRead(out var window).ShouldBeTrue();
        window!.Actors.ShouldHaveSingleItem().Actor.Id.ShouldBe("k-1");
    }

    [Fact]
    public void An_envelope_has_one_form_only()
    {
        byte[] key = new byte[32];
        var envelope = Envelope.Seal("id", 5, "administrative", "thing.put", true, "s", null, key, "{}"u8);
        Envelope.Parse(envelope.Bytes()).ShouldNotBeNull().Open(Envelope.RecordKey(key, "id")).ShouldBe("{}"u8.ToArray());
        string text = Encoding.UTF8.GetString(envelope.Bytes());
        Envelope.Parse(Encoding.UTF8.GetBytes(text.Replace("\"at\":5", "\"at\": 5", StringComparison.Ordinal))).ShouldBeNull();
        Envelope.Parse(Encoding.UTF8.GetBytes(text.Replace("\"at\":5", "\"at\":5,\"at\":6", StringComparison.Ordinal))).ShouldBeNull();
        Envelope.Parse(Encoding.UTF8.GetBytes(text[..^3])).ShouldBeNull();
    }

    [Fact]
    public void A_key_file_is_its_owners_alone_and_never_overwritten()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("rag-test-").FullName, "key.pem");
        AuditKeys.Create(path);
        if (!OperatingSystem.IsWindows()) File.GetUnixFileMode(path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Should.Throw<RagException>(() => AuditKeys.Create(path)).Kind.ShouldBe(ErrorKind.Conflict);
        File.WriteAllText(path, File.ReadAllText(path).Replace("RAG AUDIT SECRET", "RAG AUDIT SECRETS", StringComparison.Ordinal));
        AuditKeys.Problem(path).ShouldNotBeNull();
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    internal static async Task<List<JsonElement>> EventsAsync(TestService service, string action)
    {
        var keys = service.Get<AuditKeys>();
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        var rows = await connection.QueryAsync<(byte[] Bytes, string Subject, byte[] Wrapped)>(
            "SELECT r.envelope, r.subject, s.wrapped_key FROM audit_records r JOIN audit_subjects s ON s.id = r.subject WHERE r.action = @action ORDER BY r.no", new { action });
        return [.. rows.Select(r => Envelope.Parse(r.Bytes)!).Zip(rows, (e, r) => JsonDocument.Parse(e.Open(Envelope.RecordKey(keys.Unwrap(r.Subject, r.Wrapped)!, e.Id))!).RootElement)];
    }
}
