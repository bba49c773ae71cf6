from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="exportreport",
            index=models.Index(fields=["status", "-created_at", "-id"], name="report_newest_status"),
        ),
        migrations.AddIndex(
            model_name="exportreport",
            index=models.Index(
                fields=["project", "status", "-created_at", "-id"], name="report_newest_project_status"
            ),
        ),
    ]
