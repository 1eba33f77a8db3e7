using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Testing;

namespace Rag.Tests.Audit;

/// <summary>Sequencing, signing, proving, verifying, keeping and erasing, on both engines.</summary>
public sealed class AuditVerificationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<Engine> Engines => [Engine.Sqlite, Engine.Postgres];

    [Theory, MemberData(nameof(Engines))]
    public async Task What_is_written_is_signed_and_verified_and_proven(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await FillAsync(service, 40);
        await SignAsync(service);
        await FillAsync(service, 7);
        await SignAsync(service);
        var result = await VerifyAsync(service);
        result.Problems.ShouldBeEmpty();
        result.Checkpoints.ShouldBeGreaterThanOrEqualTo(2);
        result.OutsideSize.ShouldBeGreaterThanOrEqualTo(47);
        var query = service.Get<AuditQuery>();
        var page = await query.ListAsync(new(Action: "thing.put", Limit: 20), Cancel);
        page.Records.Count.ShouldBe(20);
        var next = await query.ListAsync(new(Action: "thing.*", Limit: 500, Before: page.Next), Cancel);
        next.Records.Count.ShouldBe(27);
        foreach (var record in page.Records.Concat(next.Records)) (await query.ProveAsync(record.Id, Cancel)).Verified.ShouldBeTrue();
        var checkpoints = (await query.CheckpointsAsync(10, Cancel)).Checkpoints;
        var key = service.Get<AuditTree>().Key;
        var (newer, older) = (Checkpoint.Open(checkpoints[0].Note, key)!, Checkpoint.Open(checkpoints[^1].Note, key)!);
        var consistency = await query.ConsistencyAsync(older.Size, newer.Size, Cancel);
        Merkle.Continues(older.Size, older.Root, newer.Size, newer.Root, consistency.Hashes).ShouldBeTrue();
        // Reading the record is on the record.
        (await query.ListAsync(new(Category: AuditCategory.Privileged), Cancel)).Records.Select(r => r.Action).ShouldContain("audit.search");
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task How_much_is_outside_is_known_from_the_record(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var query = service.Get<AuditQuery>();
        await FillAsync(service, 5);
        await SignAsync(service);
        var signed = await query.StandingAsync(Cancel);
        signed.Size.ShouldBe((await query.CheckpointsAsync(1, Cancel)).Checkpoints[0].Size);
        signed.Size.ShouldBeGreaterThanOrEqualTo(5);
        signed.OutsideAt.ShouldNotBeNull();
        signed.UncoveredSince.ShouldBeNull();
        var before = TimeProvider.System.GetUtcNow();
        await FillAsync(service, 2);
        (await query.StandingAsync(Cancel)).UncoveredSince.ShouldNotBeNull().ShouldBeInRange(before.AddMilliseconds(-1), TimeProvider.System.GetUtcNow());
        // Signed, and not outside.
        await using (var connection = await service.Get<Database>().OpenAsync(Cancel)) await connection.ExecuteAsync("UPDATE audit_checkpoints SET outside_at = NULL");
        var inside = await query.StandingAsync(Cancel);
        inside.OutsideAt.ShouldBeNull();
        inside.UncoveredSince.ShouldNotBeNull().ShouldBeLessThan(before);
    }

    public static TheoryData<Engine, string> Changes
    {
        get
        {
            var data = new TheoryData<Engine, string>();
            foreach (string sql in new[]
            {
                "UPDATE audit_records SET outcome = 'failure' WHERE leaf_index = 5",
                "UPDATE audit_records SET resource = 'thing:x' WHERE leaf_index = 5",
                "UPDATE audit_records SET mac = envelope WHERE leaf_index = 5",
                "UPDATE audit_records SET envelope = mac WHERE leaf_index = 5",
                "DELETE FROM audit_records WHERE leaf_index = 5",
                "DELETE FROM audit_records WHERE leaf_index = (SELECT MAX(leaf_index) FROM audit_records)",
                "DELETE FROM audit_records WHERE leaf_index >= 3",
                "DELETE FROM audit_records",
                "INSERT INTO audit_records (id, at, category, action, outcome, subject, resource, envelope, mac) SELECT 'other', at, category, action, outcome, subject, resource, envelope, mac FROM audit_records WHERE leaf_index = 5",
                "UPDATE audit_records SET leaf_index = NULL WHERE leaf_index = 5",
                "UPDATE audit_nodes SET hash = (SELECT leaf_hash FROM audit_records WHERE leaf_index = 0)",
                "DELETE FROM audit_nodes",
                "DELETE FROM audit_checkpoints",
                "UPDATE audit_tree SET size = 3",
                "DELETE FROM audit_tree",
                "UPDATE audit_segments SET end_leaf = 16, expired_at = 1, last_at = 1",
                "UPDATE audit_subjects SET owner = 'user:nobody' WHERE owner = 'user:u-1'",
                "UPDATE audit_subjects SET wrapped_key = NULL, owner = NULL, destroyed_at = 1 WHERE owner = 'user:u-1'",
                "DELETE FROM audit_subjects WHERE owner = 'user:u-1'",
            })
                foreach (var engine in new[] { Engine.Sqlite, Engine.Postgres }) data.Add(engine, sql);
            return data;
        }
    }

    [Theory, MemberData(nameof(Changes))]
    public async Task A_change_with_all_rights_of_the_database_is_found(Engine engine, string sql)
    {
        await using var service = await TestService.StartAsync(engine: engine, settings: Still());
        await FillAsync(service, 40);
        await SignAsync(service);
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(sql, transaction: tx), Cancel);
        (await VerifyAsync(service)).Intact.ShouldBeFalse();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_row_that_repeats_another_gets_no_place_and_is_found(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await FillAsync(service, 3);
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "INSERT INTO audit_records (id, at, category, action, outcome, subject, resource, envelope, mac) SELECT 'forged', at, category, action, outcome, subject, resource, envelope, mac FROM audit_records WHERE action = 'thing.put' ORDER BY no LIMIT 1", transaction: tx), Cancel);
        await SignAsync(service);
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        (await connection.ExecuteScalarAsync<long>("SELECT leaf_index FROM audit_records WHERE id = 'forged'")).ShouldBeLessThan(0);
        (await VerifyAsync(service)).Problems.ShouldHaveSingleItem().ShouldContain("forged");
        service.Get<AuditTree>().Trouble.ShouldBeNull();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_record_that_was_changed_is_never_signed_again(Engine engine)
    {
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        await using var record = engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(engine);
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record))
        {
            await FillAsync(service, 40);
            await SignAsync(service);
        }
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record, settings: Still()))
        {
            // A fork: everything after the change made anew as if it had always been so.
            await service.Get<Database>().WriteAsync(async tx =>
            {
                var rows = (await tx.Connection!.QueryAsync<(long No, byte[] Envelope)>("SELECT no, envelope FROM audit_records WHERE leaf_index >= 0 ORDER BY leaf_index", transaction: tx)).ToList();
                rows.RemoveAt(4);
                await tx.Connection!.ExecuteAsync("DELETE FROM audit_records WHERE leaf_index = 4", transaction: tx);
                await tx.Connection!.ExecuteAsync("DELETE FROM audit_nodes", transaction: tx);
                var tree = new GrowingTree();
                foreach (var (no, envelope) in rows)
                {
                    byte[] leaf = Merkle.Leaf(envelope);
                    await tx.Connection!.ExecuteAsync("UPDATE audit_records SET leaf_index = @Size, leaf_hash = @leaf WHERE no = @no", new { tree.Size, leaf, no }, tx);
                    var nodes = new List<(int, long, byte[])>();
                    tree.Add(leaf, (level, place, hash) => nodes.Add((level, place, hash)));
                    foreach (var (level, place, hash) in nodes.Where(n => n.Item1 is 4)) await tx.Connection!.ExecuteAsync("INSERT INTO audit_nodes (level, place, hash) VALUES (@level, @place, @hash)", new { level = (long)level, place, hash }, tx);
                }
                await tx.Connection!.ExecuteAsync("UPDATE audit_tree SET size = @Size, peaks = @Peaks", new { tree.Size, tree.Peaks }, tx);
            }, Cancel);
        }
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record))
        {
            long before = await CheckpointsAsync(service);
            await FillAsync(service, 3);
            await SignAsync(service);
            service.Get<AuditTree>().Trouble.ShouldNotBeNull();
            (await CheckpointsAsync(service)).ShouldBe(before);
            (await VerifyAsync(service)).Intact.ShouldBeFalse();
        }
        Directory.Delete(data, recursive: true);

        static async Task<long> CheckpointsAsync(TestService service)
        {
            await using var connection = await service.Get<Database>().OpenAsync(Cancel);
            return await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_checkpoints");
        }
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_record_that_was_set_back_to_a_backup_is_found(Engine engine)
    {
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        await using var record = await TestRecord.CreateAsync(engine);
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record)) await FillAsync(service, 20);
        await record.BackUpAsync(data);
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record)) await FillAsync(service, 20);
        await record.PutBackAsync(data);
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record))
        {
            var result = await VerifyAsync(service);
            result.Problems.ShouldContain(p => p.Contains("cut or set back", StringComparison.Ordinal));
            // The service goes on, and signs nothing.
            await FillAsync(service, 1);
            await SignAsync(service);
            service.Get<AuditTree>().Trouble.ShouldNotBeNull().ShouldContain("set back");
        }
        Directory.Delete(data, recursive: true);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_erased_subject_is_nobody_any_more_and_every_proof_stays_valid(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await FillAsync(service, 20, "user", "u-gone");
        await FillAsync(service, 5);
        await SignAsync(service);
        var (query, keeping) = (service.Get<AuditQuery>(), service.Get<AuditKeeping>());
        var before = (await query.ListAsync(new(Actor: "u-gone"), Cancel)).Records;
        before.Count.ShouldBe(20);
        var hold = await keeping.HoldAsync(new("somebody sues", "user:u-gone"), Cancel);
        (await Should.ThrowAsync<RagException>(() => keeping.EraseAsync(new("user:u-gone"), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        await keeping.ReleaseAsync(hold.Id, Cancel);
        var all = await keeping.HoldAsync(new("everything of that hour", From: before[0].At.AddHours(-1), To: before[0].At.AddHours(1)), Cancel);
        (await Should.ThrowAsync<RagException>(() => keeping.EraseAsync(new("user:u-gone"), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        await keeping.ReleaseAsync(all.Id, Cancel);
        (await keeping.EraseAsync(new("user:u-gone", "asked for it"), Cancel)).Records.ShouldBe(20);
        await SignAsync(service);
        var record = await query.GetAsync(before[3].Id, Cancel);
        (record.Erased, record.Actor, record.Resource, record.Event).ShouldBe((true, null, null, null));
        (record.Action, record.Category).ShouldBe(("thing.put", AuditCategory.Administrative));
        (await query.ProveAsync(record.Id, Cancel)).Verified.ShouldBeTrue();
        (await query.ListAsync(new(Actor: "u-gone"), Cancel)).Records.ShouldBeEmpty();
        var result = await VerifyAsync(service);
        result.Problems.ShouldBeEmpty();
        result.Sealed.ShouldBe(20);
        // Who acts again is somebody else.
        await FillAsync(service, 1, "user", "u-gone");
        (await query.ListAsync(new(Actor: "user:u-gone"), Cancel)).Records.ShouldHaveSingleItem().Subject.ShouldNotBe(record.Subject);
        (await Should.ThrowAsync<RagException>(() => keeping.EraseAsync(new(record.Subject), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Segments_expire_after_their_years_unless_held_and_what_stays_still_verifies(Engine engine)
    {
        var clock = new ShiftedTime(new(2026, 1, 10, 0, 0, 0, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: clock, settings: Still());
        var (keeping, query) = (service.Get<AuditKeeping>(), service.Get<AuditQuery>());
        var term = Term(service);
        await FillAsync(service, 100);
        await SignAsync(service);
        clock.Shift += TimeSpan.FromDays(40);
        await keeping.RunAsync(term, Cancel);
        await FillAsync(service, 30);
        await SignAsync(service);
        (await keeping.SegmentsAsync(Cancel)).Segments.Select(s => s.State).ShouldBe(["open", "closed"]);
        var hold = await keeping.HoldAsync(new("a case", To: new(2026, 1, 31, 0, 0, 0, TimeSpan.Zero)), Cancel);
        clock.Shift += TimeSpan.FromDays(365 * 7);
        await keeping.RunAsync(term, Cancel);
        (await keeping.SegmentsAsync(Cancel)).Segments.Select(s => s.State).ShouldContain("held");
        await keeping.ReleaseAsync(hold.Id, Cancel);
        await keeping.RunAsync(term, Cancel);
        await keeping.RunAsync(term, Cancel);
        await SignAsync(service);
        (await keeping.SegmentsAsync(Cancel)).Segments[^1].State.ShouldBe("expired");
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        (await connection.ExecuteScalarAsync<long>("SELECT MIN(leaf_index) FROM audit_records")).ShouldBeGreaterThanOrEqualTo(96);
        var result = await VerifyAsync(service);
        result.Problems.ShouldBeEmpty();
        result.Expired.ShouldBeGreaterThanOrEqualTo(96);
        foreach (var kept in (await query.ListAsync(new(Action: "thing.put", Limit: 500), Cancel)).Records.Where(r => r.Leaf is not null)) (await query.ProveAsync(kept.Id, Cancel)).Verified.ShouldBeTrue();
        var export = await ExportAsync(service);
        (await ExportVerifier.VerifyAsync(new StringReader(export), query.Key.Pem, [.. CheckpointCopies.Read(service.Get<CheckpointCopies>().Directory)], Cancel)).Problems.ShouldBeEmpty();
        // What was not kept for its time is missed.
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE audit_segments SET expired_at = 1 WHERE end_leaf IS NOT NULL", transaction: tx), Cancel);
        (await VerifyAsync(service)).Intact.ShouldBeFalse();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_export_verifies_with_the_public_key_alone_and_every_change_of_it_is_found(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await FillAsync(service, 30);
        await FillAsync(service, 10, "user", "u-gone");
        await service.Get<AuditKeeping>().EraseAsync(new("user:u-gone"), Cancel);
        await SignAsync(service);
        string key = service.Get<AuditQuery>().Key.Verifier;
        IReadOnlyList<string> notes = [.. CheckpointCopies.Read(service.Get<CheckpointCopies>().Directory)];
        string export = await ExportAsync(service), filtered = await ExportAsync(service, AuditCategory.Privileged);
        var whole = await ExportVerifier.VerifyAsync(new StringReader(export), key, notes, Cancel);
        whole.Problems.ShouldBeEmpty();
        whole.Sealed.ShouldBe(10);
        export.ShouldContain("u-1-29");
        export.ShouldNotContain("u-gone");
        var part = await ExportVerifier.VerifyAsync(new StringReader(filtered), key, notes, Cancel);
        part.Problems.ShouldBeEmpty();
        part.Records.ShouldBeLessThan(whole.Records);
        filtered.ShouldNotContain("u-1-29");
        string[] lines = export.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string[] changed in new string[][]
        {
            [.. lines[..5], .. lines[6..]],
            [.. lines[..5], lines[6], lines[5], .. lines[7..]],
            [.. lines[..^2], lines[^1]],
            [.. lines[..^1]],
            [.. lines, lines[^1]],
            [.. lines.Select(l => l.Replace("\"name\":\"u-1-3\"", "\"name\":\"u-2-3\"", StringComparison.Ordinal))],
        }) (await ExportVerifier.VerifyAsync(new StringReader(string.Join('\n', changed)), key, notes, Cancel)).Intact.ShouldBeFalse();
        using var other = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        (await ExportVerifier.VerifyAsync(new StringReader(export), other.ExportSubjectPublicKeyInfoPem(), [], Cancel)).Intact.ShouldBeFalse();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Without_a_place_outside_the_age_grows_and_with_it_everything_follows(Engine engine)
    {
        var clock = new ShiftedTime(new(2026, 1, 10, 0, 0, 0, TimeSpan.Zero));
        string blocked = Path.Combine(Directory.CreateTempSubdirectory("rag-test-").FullName, "outside");
        await File.WriteAllTextAsync(blocked, "a file where a folder should be", Cancel);
        await using var service = await TestService.StartAsync(engine: engine, time: clock, settings: new(Still()) { ["Audit:Checkpoints:Directory"] = blocked });
        var metrics = service.Get<AuditMetrics>();
        await FillAsync(service, 5);
        await SignAsync(service);
        clock.Shift += TimeSpan.FromHours(3);
        await FillAsync(service, 5);
        await SignAsync(service);
        (clock.GetUtcNow() - metrics.Covered.ShouldNotBeNull()).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromHours(3));
        File.Delete(blocked);
        clock.Shift += TimeSpan.FromMinutes(1);
        await SignAsync(service);
        (clock.GetUtcNow() - metrics.Covered.ShouldNotBeNull()).ShouldBeLessThan(TimeSpan.FromMinutes(1));
        var copied = CheckpointCopies.Read(blocked).Select(n => Checkpoint.Open(n, service.Get<AuditTree>().Key).ShouldNotBeNull().Size).ToList();
        copied.Count.ShouldBeGreaterThanOrEqualTo(2);
        copied.ShouldBe(copied.Order());
        File.ReadAllText(Path.Combine(blocked, "latest.note")).ShouldBe(CheckpointCopies.Read(blocked).Last());
        Directory.Delete(Path.GetDirectoryName(blocked)!, recursive: true);
    }

    [Fact]
    public async Task A_witness_gets_every_checkpoint_and_one_that_is_away_gets_it_later()
    {
        await using var witness = HttpInbox.Start();
        int status = 503;
        witness.Answer = _ => (status, "");
        await using var service = await TestService.StartAsync(settings: new(Still()) { ["Audit:Checkpoints:Url"] = witness.Address.ToString() });
        await FillAsync(service, 3);
        await SignAsync(service);
        service.Get<CheckpointCopies>().Trouble.ShouldNotBeNull().ShouldContain("503");
        status = 200;
        await SignAsync(service);
        service.Get<CheckpointCopies>().Trouble.ShouldBeNull();
        Checkpoint.Open(System.Text.Encoding.UTF8.GetString(witness.All.Last().Body), service.Get<AuditTree>().Key).ShouldNotBeNull().Size.ShouldBeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public async Task Replicas_that_share_a_record_write_one_tree_whoever_leads()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        string outside = Directory.CreateTempSubdirectory("rag-outside-").FullName;
        var settings = new Dictionary<string, string?> { ["Audit:Checkpoints:Directory"] = outside, ["Audit:CheckpointSeconds"] = "1" };
        await using (var second = await TestService.StartAsync(engine: Engine.Postgres, record: record, settings: settings))
        {
            await using (var first = await TestService.StartAsync(engine: Engine.Postgres, record: record, settings: settings))
            {
                await Task.WhenAll(Enumerable.Range(0, 4).Select(n => FillAsync(n % 2 == 0 ? first : second, 25, id: $"u-{n}")));
                // Whoever leads stops in order; the other goes on.
                await first.Get<Leader>().ReleaseAsync(Cancel);
                await second.Get<Leader>().ReleaseAsync(Cancel);
                await Task.WhenAll(FillAsync(first, 10), FillAsync(second, 10));
            }
            await FillAsync(second, 5);
            await SignAsync(second);
            second.Get<AuditTree>().Trouble.ShouldBeNull();
            var result = await VerifyAsync(second);
            result.Problems.ShouldBeEmpty();
            result.Records.ShouldBeGreaterThanOrEqualTo(125);
            result.Unsequenced.ShouldBeLessThanOrEqualTo(1);
        }
        Directory.Delete(outside, recursive: true);
    }

    /// <summary>Another date, and timers that go as they do: years would be millions of their turns.</summary>
    private sealed class ShiftedTime(DateTimeOffset start) : TimeProvider
    {
        public TimeSpan Shift { get; set; } = start - System.GetUtcNow();

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }

    /// <summary>Nothing is signed but by the test.</summary>
    internal static Dictionary<string, string?> Still() => new() { ["Audit:CheckpointSeconds"] = "3600" };

    internal static async Task FillAsync(TestService service, int count, string kind = "user", string id = "u-1")
    {
        await Task.Yield();
        Actor.Become(new(kind, id, id, "192.0.2.1"));
        for (int i = 0; i < count; i++) await service.Get<AuditTrail>().RecordAsync(AuditEvent.Administrative("thing.put", $"thing:{id}-{i}"), Cancel);
        Actor.Become(Actor.System);
    }

    internal static LeaderTerm Term(TestService service) => service.Get<Leader>().Term ?? throw new InvalidOperationException("This service does not lead.");

    internal static async Task SignAsync(TestService service)
    {
        while (service.Get<Leader>().Term is null) await service.Get<Leader>().RenewAsync(Cancel);
        await service.Get<AuditTree>().RunAsync(Term(service), sign: true, Cancel);
    }

    internal static Task<AuditVerification> VerifyAsync(TestService service) => service.Get<AuditVerifier>().VerifyAsync(null, Cancel);

    private static async Task<string> ExportAsync(TestService service, string? category = null)
    {
        using var stream = new MemoryStream();
        await service.Get<AuditExport>().WriteAsync(() => stream, null, null, category, Cancel);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
