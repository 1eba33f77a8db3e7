using Dapper;
using Microsoft.AspNetCore.DataProtection;
using Rag.Access;
using Rag.Storage;
using static Rag.Tests.TestService;

namespace Rag.Tests.Access;

public sealed class FormSecretsTests
{
    [Fact]
    public async Task A_form_that_one_replica_made_is_taken_by_the_other_and_after_a_restart()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var two = await AccessTestService.StartAsync(Engine.Postgres, record);
        byte[] made;
        await using (var one = await AccessTestService.StartAsync(Engine.Postgres, record)) made = Protector(one).Protect([1, 2, 3]);
        Protector(two).Unprotect(made).ShouldBe([1, 2, 3]);
        Should.Throw<System.Security.Cryptography.CryptographicException>(() => two.Get<FormSecrets>().CreateProtector("another").Unprotect(made));
    }

    [Fact]
    public async Task With_a_secret_file_the_record_alone_opens_nothing()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
            await using var record = await TestRecord.CreateAsync(Engine.Postgres);
            await using var one = await AccessTestService.StartAsync(Engine.Postgres, record, null, ("Access:SecretFile", file));
            byte[] made = Protector(one).Protect([1, 2, 3]);
            await using var connection = await one.Get<Database>().OpenAsync(Cancel);
            (await connection.QuerySingleAsync<string>("SELECT content FROM form_keys")).ShouldNotContain("masterKey");
            await using var same = await AccessTestService.StartAsync(Engine.Postgres, record, null, ("Access:SecretFile", file));
            Protector(same).Unprotect(made).ShouldBe([1, 2, 3]);
            await using var without = await AccessTestService.StartAsync(Engine.Postgres, record);
            Should.Throw<System.Security.Cryptography.CryptographicException>(() => Protector(without).Unprotect(made));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IDataProtector Protector(TestService service) => service.Get<IDataProtectionProvider>().CreateProtector("forms");
}
