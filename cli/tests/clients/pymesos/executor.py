"""A custom executor on unmodified pymesos: runs a task for as long as it is told, and echoes messages."""
import sys
import threading
import time

from pymesos import Executor, MesosExecutorDriver, encode_data, decode_data


class Echo(Executor):
    def launchTask(self, driver, task):
        def run():
            self.report(driver, task, "TASK_RUNNING")
            seconds = float(decode_data(task["data"])) if "data" in task else 0.0
            time.sleep(seconds)
            self.report(driver, task, "TASK_FINISHED")

        threading.Thread(target=run, daemon=True).start()

    def killTask(self, driver, task_id):
        self.report(driver, {"task_id": task_id}, "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(b"echo " + decode_data(message)))

    def report(self, driver, task, state):
        driver.sendStatusUpdate({"task_id": task["task_id"], "state": state})


if __name__ == "__main__":
    driver = MesosExecutorDriver(Echo())
    driver.run()
    sys.exit(0)
